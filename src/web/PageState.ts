/**
 * State of a process for the page: its services, connections, transfers, peers and farms, as values on the wire. Pure.
 *
 * Texts of peers and clients are untrusted: they are shown as text, never as markup, after `TerminalText.escape`.
 */
import * as Schema from "effect/Schema"

/** A finite number: a count, bytes, or milliseconds. */
const Amount = Schema.Finite

/** A figure of a service, such as 12 clients. @category schemas @since 0.1.0 */
export const Figure = Schema.Struct({
  /** Plain words, such as `clients`. */
  name: Schema.String,
  value: Amount,
  unit: Schema.Literals(["count", "bytes", "millis"])
})

/** A figure of a service. @category models @since 0.1.0 */
export type Figure = typeof Figure.Type

/** Games that the page can play. @category schemas @since 0.1.0 */
export const Game = Schema.Literals(["board", "guess", "hangman"])

/** A game that the page can play. @category models @since 0.1.0 */
export type Game = typeof Game.Type

/** A service of the process. @category schemas @since 0.1.0 */
export const Service = Schema.Struct({
  /** Name of the instance, unique in the process. */
  name: Schema.String,
  state: Schema.Literals(["starting", "ready", "restarting", "failed", "stopped"]),
  /** Address while it listens, such as `127.0.0.1:1067`. */
  address: Schema.optionalKey(Schema.String),
  restarts: Schema.Int,
  /** Message of the last failure. */
  lastError: Schema.optionalKey(Schema.String),
  /** Time of the last change of `state`, in milliseconds since 1970. */
  sinceMillis: Amount,
  figures: Schema.Array(Figure),
  /** Bytes received and sent since the start; absent if the service does not count them. */
  bytesReceived: Schema.optionalKey(Amount),
  bytesSent: Schema.optionalKey(Amount),
  /** The game that the service plays. */
  game: Schema.optionalKey(Game),
  /** True if its packets can be watched. */
  hasPackets: Schema.Boolean,
  /** True if `restart` starts it again. */
  canRestart: Schema.Boolean,
  /** A command that tries it. */
  tryIt: Schema.optionalKey(Schema.String)
})

/** A service of the process. @category models @since 0.1.0 */
export type Service = typeof Service.Type

/** An open connection. @category schemas @since 0.1.0 */
export const Connection = Schema.Struct({
  service: Schema.String,
  /** Number of the connection in its service. */
  id: Schema.Int,
  remote: Schema.String,
  sinceMillis: Amount,
  bytesReceived: Amount,
  bytesSent: Amount
})

/** An open connection. @category models @since 0.1.0 */
export type Connection = typeof Connection.Type

/** A TFTP transfer, running or among the latest that ended. @category schemas @since 0.1.0 */
export const Transfer = Schema.Struct({
  service: Schema.String,
  id: Schema.Int,
  direction: Schema.Literals(["download", "upload"]),
  file: Schema.String,
  client: Schema.String,
  state: Schema.Literals(["running", "done", "refused", "failed", "stopped"]),
  startedMillis: Amount,
  /** Absent while it runs. */
  endedMillis: Schema.optionalKey(Amount),
  bytes: Amount,
  /** Size of the file; absent if it is unknown. */
  totalBytes: Schema.optionalKey(Amount),
  /** Over the last second while it runs, over the whole transfer once it has ended. */
  bytesPerSecond: Amount,
  resent: Schema.Int,
  blksize: Schema.Int,
  windowsize: Schema.Int,
  /** Why it was refused, failed or stopped. */
  reason: Schema.optionalKey(Schema.String)
})

/** A TFTP transfer. @category models @since 0.1.0 */
export type Transfer = typeof Transfer.Type

/** Transfers of a process by their result, also of those without a row. @category schemas @since 0.1.0 */
export const TransferTotals = Schema.Struct({
  running: Schema.Int,
  done: Schema.Int,
  /** Refused, failed and stopped. */
  notDone: Schema.Int,
  /** Of those that run. */
  bytesPerSecond: Amount,
  resent: Schema.Int
})

/** Transfers of a process by their result. @category models @since 0.1.0 */
export type TransferTotals = typeof TransferTotals.Type

/** A peer of the status service. @category schemas @since 0.1.0 */
export const Peer = Schema.Struct({
  service: Schema.String,
  id: Schema.String,
  name: Schema.String,
  address: Schema.String,
  state: Schema.Literals(["alive", "suspect", "down", "left"]),
  /** True for the peer of this process. */
  self: Schema.Boolean,
  conflict: Schema.Boolean,
  /** Milliseconds since its latest packet, and between its packets at most. */
  ageMillis: Amount,
  intervalMillis: Amount,
  missed: Schema.Int,
  host: Schema.optionalKey(Schema.String),
  uptimeSeconds: Schema.optionalKey(Amount),
  /** Load averages of the last 1, 5 and 15 minutes. */
  load: Schema.optionalKey(Schema.Array(Amount)),
  memoryTotal: Schema.optionalKey(Amount),
  memoryFree: Schema.optionalKey(Amount),
  /** Position on the course's screen: columns 0 to 75 and rows 0 to 23. */
  x: Schema.optionalKey(Amount),
  y: Schema.optionalKey(Amount)
})

/** A peer of the status service. @category models @since 0.1.0 */
export type Peer = typeof Peer.Type

/** A worker of a farm. @category schemas @since 0.1.0 */
export const Worker = Schema.Struct({
  name: Schema.String,
  /** Absent for this host. */
  host: Schema.optionalKey(Schema.String),
  /** `done`: its run has ended. */
  state: Schema.Literals(["ready", "lost", "gone", "done"]),
  packets: Schema.Int,
  /** Fraction of the merged units, 0 to 1. */
  share: Amount,
  busyMillis: Amount,
  failures: Schema.Int
})

/** A worker of a farm. @category models @since 0.1.0 */
export type Worker = typeof Worker.Type

/** A run of a farm. @category schemas @since 0.1.0 */
export const Farm = Schema.Struct({
  service: Schema.String,
  /** Number of the run in its service. */
  id: Schema.Int,
  /** Its job, such as `primes in 0..1e12`. */
  title: Schema.String,
  state: Schema.Literals(["running", "done", "failed"]),
  done: Amount,
  total: Schema.optionalKey(Amount),
  unitsPerSecond: Amount,
  elapsedMillis: Amount,
  etaMillis: Schema.optionalKey(Amount),
  /** Fraction of the workers' time that was spent on merged packets, 0 to 1. */
  efficiency: Amount,
  /** The workers' busy time divided by the elapsed time: how much faster than one worker. */
  speedUp: Amount,
  packets: Schema.Int,
  retries: Schema.Int,
  workers: Schema.Array(Worker)
})

/** A run of a farm. @category models @since 0.1.0 */
export type Farm = typeof Farm.Type

/** A list that may be too long to be shown as a whole. */
const listOf = <const Item extends Schema.Top>(item: Item) =>
  Schema.Struct({
    rows: Schema.Array(item),
    /** Number of rows that are left out. */
    omitted: Schema.Int
  })

/** All that the page shows of a process. @category schemas @since 0.1.0 */
export const Snapshot = Schema.Struct({
  services: Schema.Array(Service),
  connections: listOf(Connection),
  transfers: Schema.Struct({
    ...listOf(Transfer).fields,
    /** Absent if no service counts its transfers: those of the rows are all that is known. */
    totals: Schema.optionalKey(TransferTotals)
  }),
  peers: listOf(Peer),
  farms: listOf(Farm)
})

/** All that the page shows of a process. @category models @since 0.1.0 */
export type Snapshot = typeof Snapshot.Type

/** The parts of a snapshot that have changed. The first update has all. @category schemas @since 0.1.0 */
export const Update = Schema.Struct({
  /** Time of the server, in milliseconds since 1970. */
  atMillis: Amount,
  services: Schema.optionalKey(Snapshot.fields.services),
  connections: Schema.optionalKey(Snapshot.fields.connections),
  transfers: Schema.optionalKey(Snapshot.fields.transfers),
  peers: Schema.optionalKey(Snapshot.fields.peers),
  farms: Schema.optionalKey(Snapshot.fields.farms)
})

/** The parts of a snapshot that have changed. @category models @since 0.1.0 */
export type Update = typeof Update.Type

/** The snapshot of a process without services. @category constructors @since 0.1.0 */
export const empty: Snapshot = {
  services: [],
  connections: { rows: [], omitted: 0 },
  transfers: { rows: [], omitted: 0 },
  peers: { rows: [], omitted: 0 },
  farms: { rows: [], omitted: 0 }
}
