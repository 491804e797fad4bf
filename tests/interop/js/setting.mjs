// The place where one part of the suite runs: a folder for data, one for logs, and an end.
import fs from 'node:fs'
import os from 'node:os'
import path from 'node:path'
import { failures, home, note, seconds, verdict } from './lib.mjs'

export function setting(name, minutes = 15) {
  // What breaks the suite itself must not look like a pass.
  process.on('uncaughtException', (err) => {
    verdict('the suite runs to its end', [err.stack ?? err])
    process.exit(1)
  })
  const work = fs.mkdtempSync(path.join(os.tmpdir(), `cairn-interop-${name}-`))
  const logs = path.join(home, '.cache', 'logs', name)
  fs.rmSync(logs, { recursive: true, force: true })
  fs.mkdirSync(logs, { recursive: true })
  process.on('exit', () => fs.rmSync(work, { recursive: true, force: true }))
  setTimeout(() => {
    verdict('the suite runs to its end', [`it takes more than ${minutes} minutes`])
    process.exit(1)
  }, minutes * 60_000).unref()
  return { work, logs }
}

export function finish() {
  note(failures.length ? `${failures.length} checks failed: ${failures.join('; ')}` : `all checks passed in ${seconds()} s`)
  process.exit(failures.length ? 1 : 0)
}
