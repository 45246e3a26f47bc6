'use strict';
// Shows the report. Texts of others reach the page as text nodes and attributes only, never as markup.

const { report, words } = JSON.parse(document.getElementById('data').textContent);
const byId = (id) => document.getElementById(id);
const INCIDENTS_AT_ONCE = 10;
const REGIONS_AT_ONCE = 6;
const WIDE_REGIONS = 5;

/** An element with properties, attributes where the name has a dash, and children; a string is a text. */
function el(tag, properties = {}, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(properties)) {
    if (name.includes('-') || name === 'role' || name === 'scope') element.setAttribute(name, value);
    else element[name] = value;
  }
  element.append(...children.filter((child) => child !== null));
  return element;
}

const counted = (number, noun) => `${number.toLocaleString('en')} ${noun}${number === 1 ? '' : 's'}`;
const healths = new Map(report.counts.map((count) => [count.health, count]));
const isFine = (health) => health === 'in_sync' || health === 'exempt';

/** A duration in its largest unit. */
function age(ms) {
  const units = [[86400000, 'd'], [3600000, 'h'], [60000, 'min'], [1000, 's']];
  const [size, unit] = units.find(([size]) => ms >= size) ?? units[3];
  return `${Math.floor(Math.max(ms, 0) / size)} ${unit}`;
}

const ago = (at) => `${age(Date.parse(report.at) - Date.parse(at))} ago`;
const clock = (at) => at.slice(11, 19);
const day = (at) => at.slice(0, 10);

function mark(health) {
  const { letter } = healths.get(health);
  return el('span', { className: `mark ${health}`, 'aria-hidden': 'true' }, letter);
}

function summary() {
  byId('headline').textContent = words.headline;
  byId('scope').textContent = words.scope;
  for (const { health, words: name, targets } of report.counts) {
    if (targets === 0) continue;
    const part = el('li', { className: health, title: `${targets} ${name}` });
    part.style.flexGrow = targets;
    byId('bar').append(part);
  }
}

// Incidents

function diff(changes, observed) {
  const [first, second] = observed ? ['is', 'should be'] : ['−', '+'];
  const side = (kind, sign, value) =>
    el('td', { className: observed ? '' : kind }, el('span', { className: 'sign' }, sign), ` ${value ?? '(none)'}`);
  const row = ({ field, before, after }) =>
    el('tr', {}, el('th', { scope: 'row' }, field), side('before', first, before), side('after', second, after));
  const label = observed ? 'Fields as they are and should be' : 'Fields before and after';
  return el('table', { className: 'diff', 'aria-label': label }, el('tbody', {}, ...changes.map(row)));
}

const ATTRIBUTIONS = {
  trusted: 'trusted', break_glass: 'break-glass', untrusted: 'not trusted', unattributed: 'author unknown', ours: 'ours',
};

function step(opened, { at, kind, who, attribution, what, detail, event, changes }) {
  const after = Date.parse(at) - Date.parse(opened);
  const relative = after < 0 ? `${age(-after)} before` : `+ ${age(after)}`;
  const time = el('time', { dateTime: at, title: at }, el('b', {}, clock(at)), relative);
  const by = attribution ? ` (${ATTRIBUTIONS[attribution]})` : '';
  const said = el('div', { className: 'said' },
    el('p', {}, el('span', { className: 'who' }, who), `${by} ${what}`),
    detail ? el('p', { className: 'minor' }, detail) : null,
    event ? el('p', { className: 'minor' }, `CloudTrail event ${event}`) : null,
    changes?.length ? diff(changes, kind === 'observed') : null);
  return el('li', { className: kind }, time, said);
}

function timeline(story) {
  if (story.steps.length === 0) return el('p', { className: 'ask' }, 'The report holds no line of its course.');
  return el('ol', { className: 'timeline' }, ...story.steps.map((one) => step(story.opened, one)));
}

const BADGES = { wrong: 'wrong now', right: 'in order', open: 'open', ended: 'ended' };

function badgeOf({ ended, wrong }) {
  if (ended !== undefined) return 'ended';
  if (wrong === undefined) return 'open';
  return wrong ? 'wrong' : 'right';
}

function incident(story, index) {
  const badge = badgeOf(story);
  const place = `${story.account}/${story.region}`;
  const heading = el('summary', {},
    el('span', { className: `badge ${badge}` }, BADGES[badge]),
    el('span', { className: 'what' }, `${story.name || story.account} · ${story.region}`),
    el('span', { className: 'said' }, story.summary),
    el('span', { className: 'course' }, `${words.courses[index]} · ${day(story.opened)} ${clock(story.opened)} UTC`));
  const details = el('details', {}, heading);
  // The course is made when it is first looked at.
  const fill = () => {
    if (details.childElementCount > 1) return;
    const ask = el('p', { className: 'ask' }, 'Why it was treated so: ', el('code', {}, `runasctl explain ${place}`));
    details.append(timeline(story), ask);
  };
  details.addEventListener('toggle', fill);
  details.fill = fill;
  return details;
}

function incidents() {
  const all = report.incidents;
  const open = all.filter((story) => story.ended === undefined).length;
  byId('incidents-count').textContent = `${open} open, ${all.length - open} ended since ${day(report.since)}`;
  const list = byId('incidents');
  if (all.length === 0) list.append(el('p', { className: 'quiet' }, 'None.'));
  let shown = 0;
  const more = el('button', { type: 'button', className: 'more' });
  const show = (number) => {
    const next = all.slice(shown, shown + number).map((story, at) => incident(story, shown + at));
    more.before(...next);
    shown += next.length;
    more.hidden = shown >= all.length;
    more.textContent = `Show ${Math.min(INCIDENTS_AT_ONCE, all.length - shown)} more of ${all.length - shown}`;
    return next[0];
  };
  list.append(more);
  show(Math.max(open, INCIDENTS_AT_ONCE));
  more.addEventListener('click', () => show(INCIDENTS_AT_ONCE).querySelector('summary').focus());
  addEventListener('beforeprint', () => show(all.length));
}

// The grid

const grid = byId('grid');
const rows = [];
let current = null;

function cellOf(row, region, target, wide) {
  if (!target) {
    const none = el('td', { className: 'out', 'aria-label': 'not governed' });
    return Object.assign(none, { place: { row, region, target } });
  }
  const { words: name, letter } = healths.get(target.health);
  const cell = el('td', { className: target.health, 'aria-label': name }, wide ? name : letter);
  return Object.assign(cell, { place: { row, region, target } });
}

function buildGrid() {
  const wide = report.regions.length <= WIDE_REGIONS;
  grid.classList.toggle('wide', wide);
  grid.setAttribute('aria-colcount', report.regions.length + 1);
  grid.setAttribute('aria-rowcount', report.accounts.length + 1);
  const heads = report.regions.map((region) => el('th', { scope: 'col' }, el('span', {}, region)));
  const head = el('thead', {}, el('tr', {}, el('th', { scope: 'col' }, 'Account'), ...heads));
  const body = el('tbody');
  for (const row of report.accounts) {
    const targets = new Map(row.targets.map((target) => [target.region, target]));
    const cells = report.regions.map((region) => cellOf(row, region, targets.get(region), wide));
    const title = `${row.name} ${row.account}, in ${row.ou_path.join(' / ')}`;
    const name = row.name ? [row.name, el('small', {}, row.account)] : [row.account];
    const line = el('tr', {}, el('th', { scope: 'row', title }, ...name), ...cells);
    const text = [row.account, row.name, ...row.ou_path].join(' ').toLowerCase();
    rows.push({ row, cells, line, text, urgent: row.targets.some((target) => !isFine(target.health)) });
    body.append(line);
  }
  grid.append(head, body);
}

/** Makes a cell the one that the Tab key stops at. A cell that loses that while it has the focus would lose the focus, too. */
function stopAt(cell) {
  grid.querySelectorAll('td[tabindex]').forEach((other) => other !== cell && other.removeAttribute('tabindex'));
  if (cell) cell.tabIndex = 0;
}

function select(cell) {
  stopAt(cell);
  current?.removeAttribute('aria-selected');
  current = cell;
  cell.setAttribute('aria-selected', 'true');
  detail(cell.place);
}

function detail({ row, region, target }) {
  const place = `${row.account}/${region}`;
  const title = `${row.name || row.account} · ${region}`;
  if (!target) {
    byId('detail').replaceChildren(el('p', { className: 'title' }, title), el('p', { className: 'quiet' }, 'This region is not governed or not enabled here.'));
    return;
  }
  const { words: name } = healths.get(target.health);
  const status = target.health === 'not_checked' ? `, ${target.status.replaceAll('_', ' ')} when it was last checked` : '';
  const times = [
    target.updated ? `last change ${ago(target.updated)} (${target.updated})` : 'never observed',
    target.checked ? `last check ${ago(target.checked)}` : null,
    target.policy ? `policy ${target.policy}` : null,
  ];
  byId('detail').replaceChildren(
    el('p', { className: 'title' }, mark(target.health), `${title}: ${name}${status}`),
    el('p', { className: 'quiet' }, `Account ${row.account}, in ${row.ou_path.join(' / ') || 'no known OU'}. ${times.filter(Boolean).join('; ')}.`),
    el('p', {}, target.why ? `Why: ${target.why}` : ''),
    el('p', { className: 'quiet' }, el('code', {}, `runasctl explain ${place}`)));
}

/** The cell that a key leads to. */
function next(cell, key) {
  const visible = rows.filter(({ line }) => !line.hidden);
  const y = visible.findIndex(({ cells }) => cells.includes(cell));
  if (y < 0) return null;
  const x = visible[y].cells.indexOf(cell);
  const move = {
    ArrowUp: [y - 1, x], ArrowDown: [y + 1, x], ArrowLeft: [y, x - 1], ArrowRight: [y, x + 1],
    Home: [y, 0], End: [y, report.regions.length - 1], PageUp: [y - 10, x], PageDown: [y + 10, x],
  }[key];
  if (!move) return null;
  const clamp = (value, most) => Math.min(Math.max(value, 0), most);
  return visible[clamp(move[0], visible.length - 1)].cells[clamp(move[1], report.regions.length - 1)];
}

function gridEvents() {
  grid.addEventListener('focusin', ({ target }) => target.place && select(target));
  grid.addEventListener('click', ({ target }) => target.place && target.closest('td') && (select(target), target.focus()));
  grid.addEventListener('keydown', (event) => {
    const cell = event.target.place && next(event.target, event.key);
    if (!cell) return;
    event.preventDefault();
    select(cell);
    cell.focus();
  });
}

// Filters

function filterFields() {
  for (const { health, words: name, targets } of report.counts) {
    const box = el('input', { id: `health-${health}`, type: 'checkbox', name: 'health', value: health, defaultChecked: true });
    const label = el('label', { className: targets ? 'choice' : 'choice none' }, box, mark(health), `${name} ${targets.toLocaleString('en')}`);
    byId('healths').append(label);
  }
}

function filter() {
  const wanted = byId('query').value.trim().toLowerCase().split(/\s+/).filter(Boolean);
  const shown = new Set([...document.querySelectorAll('[name=health]:checked')].map((box) => box.value));
  const all = shown.size === healths.size;
  const regions = report.regions.map((region) => wanted.filter((word) => region.includes(word)));
  let accounts = 0;
  let targets = 0;
  for (const { cells, line, text, urgent } of rows) {
    const rest = wanted.filter((word) => !text.includes(word));
    let matches = 0;
    cells.forEach((cell, at) => {
      const { target } = cell.place;
      const on = Boolean(target) && shown.has(target.health) && rest.every((word) => regions[at].includes(word));
      cell.classList.toggle('off', Boolean(target) && !on);
      matches += on;
    });
    line.hidden = (matches === 0 && !(all && rest.length === 0)) || (byId('urgent').checked && !urgent);
    if (!line.hidden) {
      accounts += 1;
      targets += matches;
    }
  }
  byId('nothing').hidden = accounts > 0;
  byId('grid-count').textContent = `${counted(targets, 'target')} in ${counted(accounts, 'account')}`;
  stopAt(current && !current.parentElement.hidden ? current : rows.find(({ line }) => !line.hidden)?.cells[0]);
}

function filterEvents() {
  const form = byId('filters');
  form.addEventListener('input', filter);
  form.addEventListener('submit', (event) => event.preventDefault());
  form.addEventListener('reset', () => setTimeout(filter));
  byId('query').addEventListener('keydown', (event) => {
    if (event.key !== 'Escape') return;
    byId('query').value = '';
    filter();
  });
  document.addEventListener('keydown', (event) => {
    const typing = event.target.matches?.('input[type=search]') || event.ctrlKey || event.metaKey || event.altKey;
    if (event.key !== '/' || typing) return;
    event.preventDefault();
    byId('query').focus();
  });
}

// New accounts and sweeps

function lag() {
  byId('lag-words').textContent = `${words.lag[0].toUpperCase()}${words.lag.slice(1)}.`;
  const { bins, accounts, objective_s: objective } = report.lag;
  const most = Math.max(...bins.map((bin) => bin.accounts), 1);
  if (accounts.length === 0) return;
  const table = byId('lag');
  table.setAttribute('aria-label', 'Accounts by configuration lag');
  const body = el('tbody');
  bins.forEach((bin, at) => {
    if (bin.late && !bins[at - 1]?.late) {
      body.append(el('tr', { className: 'goal' }, el('th', { scope: 'row' }, `objective ${age(objective * 1000)}`), el('td', {}, el('div'))));
    }
    const bar = el('i');
    bar.style.width = `${(bin.accounts / most) * 80}%`;
    body.append(el('tr', { className: bin.late ? 'late' : '' },
      el('th', { scope: 'row' }, words.ranges[at]),
      el('td', {}, el('div', { className: 'track' }, bar, bin.accounts ? bin.accounts.toLocaleString('en') : ''))));
  });
  table.append(body);
  openAccounts(accounts.filter((account) => account.configured === undefined));
}

function openAccounts(open) {
  if (open.length === 0) return;
  const row = ({ account, name, lag_s: seconds, late, regions, regions_configured: done }) =>
    el('tr', {}, el('td', {}, `${name} ${account}`), el('td', {}, `${age(seconds * 1000)} so far${late ? ', late' : ''}`),
      el('td', { className: 'number' }, `${done} of ${counted(regions, 'region')}`));
  const head = ['Not configured yet', 'Lag', 'Configured'].map((title) => el('th', { scope: 'col' }, title));
  byId('late').append(el('table', { className: 'list' }, el('thead', {}, el('tr', {}, ...head)), el('tbody', {}, ...open.map(row))));
}

function sweep() {
  byId('sweep-words').textContent = `${words.coverage[0].toUpperCase()}${words.coverage.slice(1)}.`;
  const { checked, missed, never, incomplete_regions: regions } = report.coverage;
  const box = byId('sweep');
  const bar = el('ul', { className: 'bar', role: 'img', 'aria-label': `${checked} checked, ${missed} missed, ${never} never checked` });
  for (const [targets, health] of [[checked, 'in_sync'], [missed, 'not_checked'], [never, 'new']]) {
    if (targets === 0) continue;
    const part = el('li', { className: health });
    part.style.flexGrow = targets;
    bar.append(part);
  }
  box.append(bar);
  for (const limit of words.limits) box.append(el('p', { className: 'quiet' }, `${limit[0].toUpperCase()}${limit.slice(1)}.`));
  if (regions.length === 0) return;
  const titles = ['Region', 'Missed', 'Never checked', 'Targets'];
  const head = titles.map((title, at) => el('th', { scope: 'col', className: at ? 'number' : '' }, title));
  const number = (value) => el('td', { className: 'number' }, value.toLocaleString('en'));
  const row = (one) => el('tr', {}, el('td', {}, one.region), number(one.missed), number(one.never), number(one.targets));
  const table = el('table', { className: 'list' }, el('thead', {}, el('tr', {}, ...head)), el('tbody', {}, ...regions.map(row)));
  const title = el('summary', { className: 'plain' }, `${counted(regions.length, 'region')} with targets missed or never checked`);
  box.append(el('details', { className: 'regions', open: regions.length <= REGIONS_AT_ONCE }, title, table));
}

/** On paper, nothing can be unfolded. Registered after the incidents, which are all shown then. */
function printing() {
  addEventListener('beforeprint', () => document.querySelectorAll('details').forEach((one) => {
    one.fill?.();
    one.wasOpen = one.open;
    one.open = true;
  }));
  addEventListener('afterprint', () => document.querySelectorAll('details').forEach((one) => { one.open = one.wasOpen; }));
}

function rest() {
  filterFields();
  buildGrid();
  gridEvents();
  filterEvents();
  filter();
  lag();
  sweep();
  printing();
  document.body.dataset.complete = 'true';
}

// What is urgent is painted first: a grid of ten thousand cells takes some tenths of a second.
summary();
incidents();
requestAnimationFrame(() => setTimeout(rest));
