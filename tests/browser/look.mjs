// Opens a page of `runasctl report` in a real browser, as often as standard input lists views of it, and says what is seen and
// what the keyboard does. A view is { page, width, dark, screenshots }.
import { readFileSync } from 'node:fs'
import { resolve } from 'node:path'
import { pathToFileURL } from 'node:url'
import { chromium } from 'playwright-core'

const ARGUMENTS = ['--headless=shell', '--no-sandbox', '--disable-gpu', '--disable-quic', '--no-first-run',
  '--disable-background-networking', '--disable-component-update', '--disable-sync']

// What can be seen at a glance: counts, the page's width, contrast, names of controls.
function survey() {
  const all = (selector) => [...document.querySelectorAll(selector)]
  const shown = (element) => element.getClientRects().length > 0
  const channels = (color) => (color.match(/[\d.]+/g) ?? []).map(Number)
  const luminance = (color) => {
    const [r, g, b] = channels(color).slice(0, 3).map((value) => value / 255)
      .map((value) => (value <= 0.04045 ? value / 12.92 : ((value + 0.055) / 1.055) ** 2.4))
    return 0.2126 * r + 0.7152 * g + 0.0722 * b
  }
  const backdrop = (element) => {
    for (let at = element; at; at = at.parentElement) {
      const color = getComputedStyle(at).backgroundColor
      if ((channels(color)[3] ?? 1) > 0) return color
    }
    return 'rgb(255, 255, 255)'
  }
  const contrast = (element) => {
    const pair = [luminance(getComputedStyle(element).color), luminance(backdrop(element))]
    return (Math.max(...pair) + 0.05) / (Math.min(...pair) + 0.05)
  }
  const texts = all('body *').filter((element) => shown(element) && !element.closest('.off')
    && [...element.childNodes].some((node) => node.nodeType === Node.TEXT_NODE && node.data.trim()))
  const ids = all('[id]').map((element) => element.id)
  return {
    title: document.title, language: document.documentElement.lang, headline: document.querySelector('h1').textContent,
    gridCount: document.getElementById('grid-count').textContent,
    cells: all('#grid tbody td').length, rows: all('#grid tbody tr').length,
    perHealth: Object.fromEntries(all('[name=health]').map(({ value }) => [value, all(`#grid td.${value}`).length])),
    unnamedCells: all('#grid td').filter((cell) => !cell.getAttribute('aria-label')).length,
    wider: document.documentElement.scrollWidth - document.documentElement.clientWidth,
    faint: texts.filter((element) => contrast(element) < 4.5).map((element) => `${element.textContent.slice(0, 40)}: ${contrast(element).toFixed(2)}`).slice(0, 5),
    unnamed: all('input, button').filter((one) => !(one.labels?.length || one.textContent.trim() || one.ariaLabel)).length,
    repeatedIds: ids.filter((id, at) => ids.indexOf(id) !== at),
    headings: all('h1, h2, h3').map((heading) => heading.tagName),
    tableHeads: all('th').filter((head) => !head.scope).length,
    foreign: all('img, iframe, object, embed, link, base, [onerror], [onload], [href^="javascript"]').length,
    text: document.body.innerText,
  }
}

const state = () => ({
  focus: document.activeElement.id || document.activeElement.getAttribute('aria-label'),
  gridCount: document.getElementById('grid-count').textContent,
  rows: [...document.querySelectorAll('#grid tbody tr')].filter((row) => !row.hidden).length,
  detail: document.getElementById('detail').innerText,
  stops: document.querySelectorAll('#grid td[tabindex="0"]').length,
  outline: getComputedStyle(document.activeElement).outlineStyle,
})

/** What each key does, from the top of the page. `until ID` presses Tab until the focus is there, `type TEXT` types. */
async function typed(page, keys) {
  const seen = []
  for (const key of keys) {
    if (key.startsWith('type ')) await page.keyboard.type(key.slice(5))
    else if (key.startsWith('until ')) {
      const reached = () => page.evaluate((id) => Boolean(document.activeElement.closest(`#${id}`)), key.slice(6))
      for (let at = 0; at < 200 && !(await reached()); at += 1) await page.keyboard.press('Tab')
    } else await page.keyboard.press(key)
    seen.push({ key, ...(await page.evaluate(state)) })
  }
  return seen
}

async function look(browser, view) {
  const context = await browser.newContext({ viewport: { width: view.width, height: 900 }, colorScheme: view.dark ? 'dark' : 'light' })
  const page = await context.newPage()
  const url = pathToFileURL(resolve(view.page)).href
  const problems = []
  const requests = []
  page.on('console', (message) => problems.push(message.text()))
  page.on('pageerror', (error) => problems.push(String(error)))
  page.on('dialog', (dialog) => { problems.push(`dialog ${dialog.message()}`); dialog.dismiss() })
  page.on('request', (request) => request.url() !== url && requests.push(request.url()))
  await page.goto(url)
  await page.waitForSelector('body[data-complete]')
  const seen = await page.evaluate(survey)
  const shot = (name) => page.screenshot({ path: `${view.screenshots}-${name}.png`, fullPage: true })
  await shot('page')
  const keys = await typed(page, view.keys ?? [])
  await page.evaluate(() => document.querySelectorAll('details').forEach((one, at) => { one.open = at < 3 }))
  await page.waitForFunction(() => [...document.querySelectorAll('details[open]')].every((one) => one.childElementCount > 1))
  const opened = await page.evaluate(survey)
  await shot('opened')
  await page.emulateMedia({ media: 'print' })
  await shot('print')
  await context.close()
  return { seen, keys, opened, problems, requests }
}

const home = process.cwd()
const executablePath = process.env.RUNAS_TEST_BROWSER || `${home}/chromium`
const env = { HOME: home, LD_LIBRARY_PATH: `${home}/al2023/lib`, FONTCONFIG_FILE: `${home}/fonts.conf`, TMPDIR: home }
const browser = await chromium.launch({ executablePath, args: ARGUMENTS, env })
const answers = []
for (const view of JSON.parse(readFileSync(0, 'utf8'))) answers.push(await look(browser, view))
await browser.close()
process.stdout.write(JSON.stringify(answers))
