// What every part of the suite uses: verdicts, deadlines, child processes.
import { spawn } from 'node:child_process'
import fs from 'node:fs'
import net from 'node:net'
import path from 'node:path'
import readline from 'node:readline'
import { fileURLToPath } from 'node:url'

export const home = path.resolve(path.dirname(fileURLToPath(import.meta.url)), '..')
export const bin = (name) => path.join(home, '.cache', 'bin', name)

export const sleep = (ms) => new Promise((resolve) => setTimeout(resolve, ms))

// ---------------------------------------------------------------- verdicts

const started = Date.now()
export const seconds = () => ((Date.now() - started) / 1000).toFixed(1)
export const note = (text) => console.log(`# [${seconds()}s] ${text}`)

export const failures = []

export function verdict(name, reasons) {
  if (reasons.length === 0) {
    console.log(`ok ${name}`)
    return true
  }
  const first = String(reasons[0]).replaceAll('\n', ' ').slice(0, 600)
  const more = reasons.length > 1 ? ` (and ${reasons.length - 1} more)` : ''
  console.log(`not ok ${name}: ${first}${more}`)
  for (const reason of reasons.slice(1, 8)) console.log(`#   ${String(reason).slice(0, 600)}`)
  failures.push(name)
  return false
}

// Runs one check: what it throws, or a list of reasons that it returns, makes it fail.
export async function check(name, body, limitSeconds = 60) {
  try {
    const reasons = await withDeadline(body(), limitSeconds * 1000, name)
    return verdict(name, Array.isArray(reasons) ? reasons : [])
  } catch (err) {
    const cause = err?.cause?.cause ?? err?.cause
    return verdict(name, [[err?.stack?.split('\n').slice(0, 3).join(' | ') ?? err, cause && `because ${cause.message ?? cause}`].filter(Boolean).join(' ')])
  }
}

export function assert(condition, message) {
  if (!condition) throw new Error(message)
}

export function assertEqual(actual, expected, what) {
  const [a, b] = [JSON.stringify(actual), JSON.stringify(expected)]
  if (a !== b) throw new Error(`${what}: ${a}, expected ${b}`)
}

export async function rejects(promise, error, what) {
  let result
  try {
    result = await promise
  } catch (err) {
    const name = err?.error ?? err?.data?.error ?? err?.message
    if (error && name !== error) throw new Error(`${what}: error ${name}, expected ${error}`)
    return err
  }
  throw new Error(`${what}: expected ${error ?? 'an error'}, got ${JSON.stringify(result?.data ?? result)?.slice(0, 200)}`)
}

// ---------------------------------------------------------------- deadlines

export function withDeadline(promise, ms, what) {
  let timer
  const late = new Promise((_, reject) => {
    timer = setTimeout(() => reject(new Error(`${what}: not done after ${ms / 1000} s`)), ms)
  })
  return Promise.race([promise, late]).finally(() => clearTimeout(timer))
}

// Polls until `probe` gives an empty list of complaints, and returns the last list.
// Gives up early when nothing has changed for a while.
export async function settle(probe, ms, pause = 300) {
  const end = Date.now() + ms
  let last = ''
  let changed = Date.now()
  for (;;) {
    let complaints
    try {
      complaints = await probe()
    } catch (err) {
      complaints = [err.message]
    }
    const now = complaints.join('\n')
    if (now !== last) [last, changed] = [now, Date.now()]
    if (complaints.length === 0 || Date.now() > end || Date.now() > changed + 20_000) return complaints
    await sleep(pause)
  }
}

export async function until(probe, ms, what) {
  const end = Date.now() + ms
  while (!(await probe())) {
    if (Date.now() > end) throw new Error(`${what} after ${ms / 1000} s`)
    await sleep(50)
  }
}

// ---------------------------------------------------------------- processes

export function freePort() {
  return new Promise((resolve, reject) => {
    const server = net.createServer()
    server.once('error', reject)
    server.listen(0, '127.0.0.1', () => {
      const { port } = server.address()
      server.close(() => resolve(port))
    })
  })
}

const children = new Set()
process.on('exit', () => {
  for (const child of children) child.kill('SIGKILL')
})
for (const signal of ['SIGINT', 'SIGTERM']) process.on(signal, () => process.exit(1))

// Starts a program whose output goes to a log file.
export function start(name, command, args, { env = {}, logs, stdio } = {}) {
  const log = path.join(logs, `${name}.log`)
  const fd = fs.openSync(log, 'a')
  const child = spawn(command, args, {
    env: { ...process.env, ...env },
    stdio: stdio ?? ['ignore', fd, fd],
  })
  fs.closeSync(fd)
  child.log = log
  child.ended = new Promise((resolve) => {
    child.once('error', (err) => resolve(`could not start: ${err.message}`))
    child.once('exit', (code, signal) => {
      children.delete(child)
      resolve(signal ?? code)
    })
  })
  children.add(child)
  return child
}

export async function stop(child, signal = 'SIGTERM', ms = 20_000) {
  child.kill(signal)
  return withDeadline(child.ended, ms, `${signal} to ${path.basename(child.log)}`)
}

// Runs a program to its end, and returns what it printed.
export async function run(command, args, { env = {}, input, ms = 60_000 } = {}) {
  const child = spawn(command, args, { env: { ...process.env, ...env }, stdio: ['pipe', 'pipe', 'pipe'] })
  children.add(child)
  let stdout = ''
  let stderr = ''
  child.stdout.on('data', (data) => (stdout += data))
  child.stderr.on('data', (data) => (stderr += data))
  child.stdin.end(input)
  const code = await withDeadline(
    new Promise((resolve) => {
      child.once('error', (err) => resolve(err.message))
      child.once('close', (code, signal) => resolve(signal ?? code))
    }),
    ms,
    `${path.basename(command)} ${args.join(' ')}`,
  ).finally(() => {
    child.kill('SIGKILL')
    children.delete(child)
  })
  return { code, stdout, stderr }
}

export async function healthy(url, ms = 30_000, child, { anyStatus = false } = {}) {
  let ended
  child?.ended.then((code) => (ended = code))
  await until(
    async () => {
      if (ended !== undefined) throw new Error(`ended with ${ended}, see ${child.log}`)
      try {
        const response = await fetch(url, { signal: AbortSignal.timeout(2000) })
        return anyStatus || response.ok
      } catch {
        return false
      }
    },
    ms,
    `${url} does not answer`,
  )
}

// ---------------------------------------------------------------- consumers

// A consumer is a child process that follows an event stream. It prints JSON
// lines: its faults, and on request a report of all that it holds.
export class Consumer {
  constructor(name, command, args, { env, logs }) {
    this.name = name
    this.faults = []
    this.child = start(name, command, args, { env, logs, stdio: ['pipe', 'pipe', fs.openSync(path.join(logs, `${name}.log`), 'a')] })
    this.child.stdin.on('error', () => {})
    this.child.ended.then((code) => {
      if (!this.closing) this.faults.push(`${name} ended with ${code}`)
      this.waiting?.(null)
    })
    readline.createInterface({ input: this.child.stdout }).on('line', (line) => {
      let message
      try {
        message = JSON.parse(line)
      } catch {
        this.faults.push(`${name} printed ${line.slice(0, 300)}`)
        return
      }
      if (message.kind === 'fault') {
        this.faults.push(`seq ${message.seq ?? '?'} ${message.did ?? ''}: ${message.what}`)
      } else if (message.kind === 'report') {
        this.waiting?.(message)
      }
    })
  }

  async report() {
    const answer = new Promise((resolve) => (this.waiting = resolve))
    this.child.stdin.write('report\n')
    const report = await withDeadline(answer, 10_000, `report of ${this.name}`)
    if (!report) throw new Error(`${this.name} has ended`)
    return report
  }

  async close() {
    this.closing = true
    if (this.child.exitCode === null) await stop(this.child, 'SIGKILL')
  }
}
