// Unpacks the browser with its libraries and fonts, all of which its package brings; nothing of the system's is needed but its
// C library.
import { createReadStream, createWriteStream } from 'node:fs'
import { writeFile } from 'node:fs/promises'
import { resolve } from 'node:path'
import { pipeline } from 'node:stream/promises'
import { createBrotliDecompress } from 'node:zlib'
import tar from 'tar-fs'

const packed = (name) => `node_modules/@sparticuz/chromium/bin/${name}.br`
const unpack = (name, to) => pipeline(createReadStream(packed(name)), createBrotliDecompress(), to)

await unpack('chromium', createWriteStream('chromium', { mode: 0o755 }))
for (const name of ['al2023', 'fonts']) await unpack(`${name}.tar`, tar.extract(name))
const fonts = `<?xml version="1.0"?><!DOCTYPE fontconfig SYSTEM "fonts.dtd">
<fontconfig><dir>${resolve('fonts')}</dir><cachedir>${resolve('fonts-cache')}</cachedir></fontconfig>`
await writeFile('fonts.conf', fonts)
