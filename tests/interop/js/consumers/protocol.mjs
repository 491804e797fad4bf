// The line protocol between a consumer and the suite.
import readline from 'node:readline'

export const [service, plc, cursor = '0'] = process.argv.slice(2)

const repos = {}
export const counts = {}
let lastSeq = 0

const print = (message) => process.stdout.write(JSON.stringify(message) + '\n')

export function fault(seq, did, what) {
  print({ kind: 'fault', seq, did, what: String(what?.stack ?? what).split('\n').slice(0, 3).join(' | ') })
}

export const state = (did) => (repos[did] ??= { active: true, status: '', records: {} })

export function seen(kind, seq) {
  counts[kind] = (counts[kind] ?? 0) + 1
  lastSeq = Math.max(lastSeq, seq)
}

export function account(did, active, status) {
  const s = state(did)
  s.active = active
  s.status = status ?? ''
  if (status === 'deleted') s.records = {}
}

readline
  .createInterface({ input: process.stdin })
  .on('line', (line) => {
    if (line === 'report') print({ kind: 'report', lastSeq, counts, repos })
  })
  .on('close', () => process.exit(0))
