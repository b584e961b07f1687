/** A made-up state of a process with every kind of row, for the tests of the page in a browser. */
import type * as PageState from "../../../src/web/PageState.ts"

/** The time of the made-up state, in milliseconds since 1970: 2026-11-30 12:00 UTC. */
export const atMillis = Date.UTC(2026, 10, 30, 12)

const secondsAgo = (seconds: number) => atMillis - seconds * 1_000

const service = (name: string, port: number, more: Partial<PageState.Service> = {}): PageState.Service => ({
  name,
  state: "ready",
  address: `127.0.0.1:${port}`,
  restarts: 0,
  sinceMillis: secondsAgo(7_384),
  figures: [
    { name: "clients", value: 3, unit: "count" },
    { name: "connections", value: 1_284, unit: "count" }
  ],
  bytesReceived: 48_213,
  bytesSent: 1_204_882,
  hasPackets: true,
  canRestart: true,
  tryIt: `effect-inet ${name} --help`,
  ...more
})

const services: ReadonlyArray<PageState.Service> = [
  service("rot13", 1067, { tryIt: "effect-inet rot13 send localhost 1067 Hello" }),
  service("hangman", 1066, { game: "hangman", tryIt: "effect-inet hangman play" }),
  service("guess", 1500, { game: "guess" }),
  service("board", 1069, { game: "board" }),
  service("tftp", 6969, {
    figures: [
      { name: "transfers", value: 2, unit: "count" },
      { name: "bytes sent", value: 734_003_200, unit: "bytes" },
      { name: "mean time", value: 842, unit: "millis" }
    ],
    bytesReceived: 2_402_113,
    bytesSent: 734_003_200
  }),
  service("status", 2066, { state: "restarting", restarts: 2, lastError: "cannot bind 0.0.0.0:2066: EADDRINUSE" }),
  {
    name: "primes",
    state: "failed",
    restarts: 5,
    lastError: "cannot start 2 workers: out of memory (limit 512 MB); start fewer with --threads",
    sinceMillis: secondsAgo(42),
    figures: [],
    hasPackets: false,
    canRestart: true
  }
]

const connection = (id: number): PageState.Connection => ({
  service: ["rot13", "hangman", "board"][id % 3]!,
  id,
  remote: `192.168.7.${20 + id}:${40_000 + 7 * id}`,
  sinceMillis: secondsAgo(13 * id + 2),
  bytesReceived: 311 * id,
  bytesSent: 2_048 * id
})

const transfer = (id: number, more: Partial<PageState.Transfer>): PageState.Transfer => ({
  service: "tftp",
  id,
  direction: "download",
  file: "images/debian-13.5-netboot/initrd.gz",
  client: `192.168.7.${30 + id}:2070`,
  state: "running",
  startedMillis: secondsAgo(12),
  bytes: 20_971_520,
  totalBytes: 41_943_040,
  bytesPerSecond: 1_782_579,
  resent: 3,
  blksize: 1_468,
  windowsize: 16,
  ...more
})

const transfers: ReadonlyArray<PageState.Transfer> = [
  transfer(5, {}),
  transfer(4, { file: "pxelinux.0", bytes: 12_288, totalBytes: 42_988, resent: 41, windowsize: 1, blksize: 512 }),
  transfer(3, { direction: "upload", file: "switch-7.conf", state: "done", endedMillis: secondsAgo(60), bytes: 8_192 }),
  transfer(2, { state: "failed", endedMillis: secondsAgo(90), reason: "the client did not answer 5 times (20 s)" }),
  transfer(1, { state: "refused", endedMillis: secondsAgo(99), bytes: 0, reason: "no file secret.txt; see --root" })
]

const peer = (at: number, more: Partial<PageState.Peer> = {}): PageState.Peer => ({
  service: "status",
  id: `peer-${at}`,
  name: ["ada", "brian", "dennis", "grace", "radia"][at]!,
  address: `192.168.7.${20 + at}:2066`,
  state: "alive",
  self: at === 0,
  conflict: false,
  ageMillis: 400 * at + 120,
  intervalMillis: 2_000,
  missed: 0,
  host: `lab-${at + 1}`,
  uptimeSeconds: 86_400 * (at + 1) + 3_600,
  load: [0.42 * at, 0.31, 0.2],
  memoryTotal: 16_000_000_000,
  memoryFree: 6_500_000_000,
  x: 12 * at + 4,
  y: 4 * at + 2,
  ...more
})

const peers: ReadonlyArray<PageState.Peer> = [
  peer(0),
  peer(1),
  peer(2, { state: "suspect", missed: 3, ageMillis: 6_800 }),
  peer(3, { state: "down", missed: 12, ageMillis: 48_000 }),
  peer(4, { conflict: true })
]

const worker = (at: number): PageState.Worker => ({
  name: `worker ${at + 1}`,
  ...(at < 2 ? {} : { host: "192.168.7.40:1070" }),
  state: at === 3 ? "lost" : "ready",
  packets: 400 - 60 * at,
  share: [0.34, 0.3, 0.24, 0.12][at]!,
  busyMillis: 58_000 - 4_000 * at,
  failures: at === 3 ? 2 : 0
})

const farm: PageState.Farm = {
  service: "primes",
  id: 1,
  title: "primes in 0..1e12",
  state: "running",
  done: 640_000_000_000,
  total: 1_000_000_000_000,
  unitsPerSecond: 10_400_000_000,
  elapsedMillis: 61_500,
  etaMillis: 34_600,
  efficiency: 0.93,
  speedUp: 3.7,
  packets: 1_240,
  retries: 2,
  workers: [0, 1, 2, 3].map(worker)
}

/** The made-up state as the first update of a browser. */
export const update: PageState.Update & PageState.Snapshot = {
  atMillis,
  services,
  connections: { rows: Array.from({ length: 12 }, (_, at) => connection(at + 1)), omitted: 31 },
  transfers: { rows: transfers, omitted: 0 },
  peers: { rows: peers, omitted: 0 },
  farms: { rows: [farm], omitted: 0 }
}

/** Names that a peer may send to harm a page that takes them for markup, styles, scripts or the end of a text. */
export const hostileNames = [
  `<img src=x onerror="window.harmed=1">`,
  `"><script>window.harmed=1</script>`,
  `</td></table><style>body{display:none}</style>`,
  `javascript:window.harmed=1`,
  `{{constructor.constructor("window.harmed=1")()}}`,
  `\u202Egnp.exe \u2066\u0301\u0301\u0301\u0301`,
  `\\x1b[2J\\x1b]0;harmed\\x07`,
  `&lt;b&gt;&#x3c;&amp;`,
  "__proto__",
  "constructor",
  "W".repeat(500)
]

/** A state in which the text of every row is hostile. */
export const hostile: PageState.Update & PageState.Snapshot = {
  atMillis,
  services: [
    ...services,
    ...hostileNames.map((name, at) => service(name, 3_000 + at, { lastError: name, tryIt: name, address: name }))
  ],
  connections: {
    rows: hostileNames.map((name, at) => ({ ...connection(at + 1), service: name, remote: name })),
    omitted: 0
  },
  transfers: {
    rows: hostileNames.map((name, at) => transfer(at + 1, { file: name, client: name, state: "failed", reason: name })),
    omitted: 0
  },
  peers: {
    rows: hostileNames.map((name, at) => ({ ...peer(1), id: name, name, host: name, address: name, x: 7 * at, y: at })),
    omitted: 0
  },
  farms: {
    rows: [
      { ...farm, title: hostileNames[0]!, workers: hostileNames.map((name) => ({ ...worker(0), name, host: name })) }
    ],
    omitted: 0
  }
}
