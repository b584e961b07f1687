/** Sockets as the cells of a table, as lines and as JSON. Pure. */
import type * as SocketTable from "../../../inspect/SocketTable.ts"
import * as TerminalText from "../../../network/TerminalText.ts"
import type { Style } from "../../../terminal/StyledText.ts"
import type * as Table from "../../../terminal/Table.ts"
import { formatAge } from "../status/text.ts"

/** Most processes or descriptors that a cell names. */
const maxNames = 3

/** Joins different texts with commas; of many the first three, and the number of the others. */
const list = (all: ReadonlyArray<string | number>): string => {
  if (all.length === 1) return `${all[0]}`
  const unique = [...new Set(all)]
  const more = unique.length - maxNames
  return more > 0 ? `${unique.slice(0, maxNames).join()},+${more}` : unique.join()
}

const isIpv6 = (address: string) => address.includes(":")

/** Formats an end as `127.0.0.1:80` or `[::1]:80`; a port of 0 is any, `*`. */
export const formatEnd = ({ address, port }: SocketTable.SocketEndpoint): string =>
  `${isIpv6(address) ? `[${address}]` : address}:${port === 0 ? "*" : port}`

/** Returns the path of a unix socket or the own end of another one. */
export const localOf = ({ local, path }: SocketTable.Socket): string =>
  local === undefined ? (path === undefined ? "-" : TerminalText.escape(path)) : formatEnd(local)

/** Returns the other end; that of a unix socket is unknown. */
export const peerOf = ({ peer }: SocketTable.Socket): string =>
  peer === undefined ? "" : peer.port === 0 ? "*" : formatEnd(peer)

/** Names of the types of unix sockets, as ss has them. */
const unixTypes = { stream: "u_str", dgram: "u_dgr", seqpacket: "u_seq" } as const

/** Returns the protocol, which for a unix socket is its type. */
export const protocolOf = ({ protocol, type }: SocketTable.Socket): string =>
  type === undefined ? protocol : unixTypes[type]

/** Texts in the place of processes. */
const withoutProcess: Readonly<Record<SocketTable.Ownership, string>> = {
  open: "",
  hidden: "?",
  unaccepted: "(not accepted)",
  closed: "(closed)",
  none: "-"
}

/** Name that Node gives to its main thread, and which is that of the process: it says less than its program. */
const nodeThread = "MainThread"

const nameOf = ({ commandLine, name }: SocketTable.SocketProcess) =>
  TerminalText.escape(name === nodeThread ? (commandLine[0]?.split("/").at(-1) ?? name) : name)

/** Returns the names of the processes, or why there is none. */
export const processOf = ({ holders, ownership, state }: SocketTable.Socket): string =>
  holders.length === 0
    ? state === "time-wait"
      ? ""
      : withoutProcess[ownership]
    : list(holders.map(({ process }) => nameOf(process)))

const pidOf = ({ holders, ownership }: SocketTable.Socket): string =>
  holders.length === 0 ? (ownership === "hidden" ? "?" : "") : list(holders.map(({ process }) => process.pid))

const descriptorOf = ({ holders, ownership }: SocketTable.Socket): string =>
  holders.length === 0 ? (ownership === "hidden" ? "?" : "") : list(holders.flatMap(({ descriptors }) => descriptors))

const userOf = ({ holders, uid, user }: SocketTable.Socket): string => {
  const process = holders[0]?.process
  return TerminalText.escape(user ?? `${uid ?? process?.user ?? process?.uid ?? ""}`)
}

const unitOf = ({ holders }: SocketTable.Socket): string =>
  list(holders.map(({ process }) => TerminalText.escape(process.unit ?? "")))

/** Formats a timer as `keepalive 90m`, with the number of retransmissions: `on 0.4s x3`. */
export const formatTimer = ({ timer }: SocketTable.Socket): string =>
  timer === undefined
    ? ""
    : `${timer.kind} ${formatAge(timer.remainingMillis)}${timer.retransmits === 0 ? "" : ` x${timer.retransmits}`}`

/** Most characters of a command line that are escaped: a terminal shows fewer. */
const maxCommandChars = 1_000

const commandOf = ({ holders }: SocketTable.Socket): string =>
  holders.length === 0 ? "" : TerminalText.escape(holders[0]!.process.commandLine.join(" ").slice(0, maxCommandChars))

/** Sign of a change, before its socket. */
export const marks: Readonly<Record<SocketTable.SocketChange["kind"], readonly [mark: string, style?: Style]>> = {
  present: [""],
  new: ["+", "green"],
  changed: ["~", "yellow"],
  gone: ["-", "red"]
}

/** A row of the table: a socket with its change. */
export type Row = Pick<SocketTable.SocketChange, "kind" | "socket">

type Column = Table.Column<Row>

const text = (title: string, rank: number, format: (socket: SocketTable.Socket) => string, more?: Partial<Column>) => ({
  title,
  rank,
  format: ({ socket }: Row) => format(socket),
  style: ({ kind }: Row) => marks[kind][1],
  ...more
})

const number = (title: string, rank: number, read: (socket: SocketTable.Socket) => number | undefined) =>
  text(title, rank, (socket) => `${read(socket) ?? ""}`, { alignRight: true })

const columns: ReadonlyArray<Column> = [
  { title: "", rank: 0, format: ({ kind }) => marks[kind][0], style: ({ kind }) => marks[kind][1] },
  text("proto", 0, protocolOf),
  text("state", 2, ({ state }) => state),
  number("recv", 7, ({ receiveQueue }) => receiveQueue),
  number("send", 8, ({ sendQueue }) => sendQueue),
  number("drops", 9, ({ drops }) => drops),
  text("local", 0, localOf, { minWidth: 21 }),
  text("peer", 3, peerOf, { minWidth: 21 }),
  text("service", 5, ({ service = "" }) => TerminalText.escape(service)),
  text("process", 1, processOf, { minWidth: 12 }),
  text("pid", 4, pidOf),
  text("fd", 13, descriptorOf),
  text("user", 6, userOf),
  text("unit", 11, unitOf, { minWidth: 16 }),
  text("timer", 10, formatTimer),
  number("netns", 2, ({ namespace }) => namespace),
  text("command", 12, commandOf, { minWidth: 16 })
]

/** Columns that are shown only if a socket has a value there. */
const sparse: Readonly<Record<string, (socket: SocketTable.Socket) => boolean>> = {
  recv: ({ receiveQueue }) => receiveQueue !== undefined,
  send: ({ sendQueue }) => sendQueue !== undefined,
  drops: ({ drops = 0 }) => drops > 0,
  peer: ({ peer }) => peer !== undefined && peer.port !== 0,
  service: ({ service }) => service !== undefined,
  unit: ({ holders }) => holders.some(({ process }) => process.unit !== undefined),
  timer: ({ timer }) => timer !== undefined,
  netns: ({ namespace }) => namespace !== undefined
}

/** Returns the columns for sockets: those in which they have values. */
export const columnsFor = (sockets: ReadonlyArray<SocketTable.Socket>): ReadonlyArray<Column> =>
  columns.filter(({ title }) => {
    const isShown = sparse[title]
    return isShown === undefined || sockets.some(isShown)
  })

/** Returns the fields of a socket that are texts and numbers. */
const fieldsOf = ({ holders: _, ...fields }: SocketTable.Socket) => fields

/** Returns the JSON form of a socket of a list: its processes have their names only. */
const toJson = (socket: SocketTable.Socket) => ({
  ...fieldsOf(socket),
  processes: socket.holders.map(({ descriptors, process: { name, pid } }) => ({ pid, name, descriptors }))
})

/** Returns the JSON form of a list. A process is described once, whatever the number of its sockets. */
export const listToJson = ({ maxBacklog, notes, sockets }: SocketTable.SocketList) => ({
  sockets: sockets.map(toJson),
  processes: [...new Set(sockets.flatMap(({ holders }) => holders.map(({ process }) => process)))],
  maxBacklog,
  notes
})

/** Returns the JSON form of a change, which describes its processes and states what was before. */
export const changeToJson = ({ before, kind, socket }: SocketTable.SocketChange, time: string) => ({
  change: kind,
  time,
  ...fieldsOf(socket),
  processes: socket.holders.map(({ descriptors, process }) => ({ ...process, descriptors })),
  ...(before === undefined ? {} : { before: toJson(before) })
})

/** Values whose changes are described. */
const watched: ReadonlyArray<readonly [name: string, read: (socket: SocketTable.Socket) => string]> = [
  ["state", ({ state }) => state],
  ["recv", ({ receiveQueue = "" }) => `${receiveQueue}`],
  ["send", ({ sendQueue = "" }) => `${sendQueue}`],
  ["drops", ({ drops = "" }) => `${drops}`],
  ["process", (socket) => `${processOf(socket)} ${pidOf(socket)}`.trim()]
]

/** Describes a change as one line: its sign, the socket, and the values that differ. */
export const describeChange = ({ before, kind, socket }: SocketTable.SocketChange): string => {
  const differences = watched.flatMap(([name, read]) => {
    const [earlier, later] = [before === undefined ? read(socket) : read(before), read(socket)]
    return earlier === later ? [] : [`${name} ${earlier || "-"} -> ${later || "-"}`]
  })
  const parts = [
    kind,
    protocolOf(socket),
    socket.state,
    localOf(socket),
    peerOf(socket),
    processOf(socket),
    pidOf(socket)
  ]
  return [parts.filter((part) => part !== "").join(" "), ...differences].join(", ")
}
