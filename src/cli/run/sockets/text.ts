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
const formatEnd = ({ address, port }: SocketTable.SocketEndpoint): string =>
  `${isIpv6(address) ? `[${address}]` : address}:${port === 0 ? "*" : port}`

/** Returns the path of a unix socket or the own end of another one. */
const localOf = ({ local, path }: SocketTable.Socket): string =>
  local === undefined ? (path === undefined ? "-" : TerminalText.escape(path)) : formatEnd(local)

/** Returns the other end; empty for a socket without a peer, and for a unix socket, whose peer is unknown. */
const peerOf = ({ peer }: SocketTable.Socket): string => (peer === undefined || peer.port === 0 ? "" : formatEnd(peer))

/** Names of the types of unix sockets, as ss has them. */
const unixTypes = { stream: "u_str", dgram: "u_dgr", seqpacket: "u_seq" } as const

/** Returns the protocol, which for a unix socket is its type. */
const protocolOf = ({ protocol, type }: SocketTable.Socket): string => (type === undefined ? protocol : unixTypes[type])

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

/** Most characters of a command line that are escaped: a terminal shows fewer. */
const maxCommandChars = 1_000

/** Texts of the processes of a socket for a terminal. */
interface ProcessText {
  readonly name: string
  readonly pid: string
  readonly unit: string
  readonly command: string
}

/** Texts of the processes: one may have ten thousand sockets. */
const processTexts = new WeakMap<SocketTable.SocketProcess, ProcessText>()

const textOf = (owner: SocketTable.SocketProcess): ProcessText => {
  const known = processTexts.get(owner)
  if (known !== undefined) return known
  const { commandLine, name, pid, unit = "" } = owner
  const program = name === nodeThread ? (commandLine[0]?.split("/").at(-1) ?? name) : name
  const texts = {
    name: TerminalText.escape(program),
    pid: `${pid}`,
    unit: TerminalText.escape(unit),
    command: TerminalText.escape(commandLine.join(" ").slice(0, maxCommandChars))
  }
  processTexts.set(owner, texts)
  return texts
}

/** Texts of a socket without a process that is known. */
const withoutHolders = Object.fromEntries(
  Object.entries(withoutProcess).map(([ownership, name]) => [
    ownership,
    { name, pid: ownership === "hidden" ? "?" : "", unit: "", command: "" }
  ])
) as Readonly<Record<SocketTable.Ownership, ProcessText>>

/** Returns the texts of the processes of a socket; most sockets have one process. */
const textsOf = ({ holders, ownership }: SocketTable.Socket): ProcessText => {
  if (holders.length === 1) return textOf(holders[0]!.owner)
  if (holders.length === 0) return withoutHolders[ownership]
  const all = holders.map(({ owner }) => textOf(owner))
  return {
    name: list(all.map(({ name }) => name)),
    pid: list(all.map(({ pid }) => pid)),
    unit: list(all.map(({ unit }) => unit)),
    command: all[0]!.command
  }
}

/** Returns the names of the processes, or why there is none. */
export const processOf = (socket: SocketTable.Socket): string =>
  socket.state === "time-wait" ? "" : textsOf(socket).name

const pidOf = (socket: SocketTable.Socket): string => textsOf(socket).pid

const unitOf = (socket: SocketTable.Socket): string => textsOf(socket).unit

const commandOf = (socket: SocketTable.Socket): string => textsOf(socket).command

const descriptorOf = ({ holders, ownership }: SocketTable.Socket): string => {
  if (holders.length === 0) return ownership === "hidden" ? "?" : ""
  return list(holders.length === 1 ? holders[0]!.descriptors : holders.flatMap(({ descriptors }) => descriptors))
}

/** Formats a timer as `keepalive 90m`, with the number of retransmissions: `on 0.4s x3`. */
const formatTimer = ({ timer }: SocketTable.Socket): string =>
  timer === undefined
    ? ""
    : `${timer.kind} ${formatAge(timer.remainingMillis)}${timer.retransmits === 0 ? "" : ` x${timer.retransmits}`}`

/** Sign of a change, before its socket. */
const marks: Readonly<Record<SocketTable.SocketChange["kind"], readonly [mark: string, style?: Style]>> = {
  present: [""],
  new: ["+", "green"],
  changed: ["~", "yellow"],
  gone: ["-", "red"]
}

type Column = Table.Column<SocketTable.Socket>

/** Escaped names of users and services, which are few. */
const names = new Map<string, string>()

const nameOf = (name: string): string => {
  const known = names.get(name)
  if (known !== undefined) return known
  const escaped = TerminalText.escape(name)
  names.set(name, escaped)
  return escaped
}

const userOf = ({ holders, uid, user }: SocketTable.Socket): string => {
  if (user !== undefined) return nameOf(user)
  const owner = holders[0]?.owner
  return uid === undefined && owner?.user !== undefined ? nameOf(owner.user) : `${uid ?? owner?.uid ?? ""}`
}

/** Returns the inode of a unix socket, by which ss tells its peer. */
const inodeOf = ({ inode, protocol }: SocketTable.Socket) => (protocol === "unix" && inode !== 0 ? `${inode}` : "")

const textOfNumber = (number: number | undefined) => (number === undefined ? "" : `${number}`)

/** Returns the bytes to send; a socket that waits for peers has none. */
const sendOf = ({ peer, sendQueue }: SocketTable.Socket) =>
  sendQueue === 0 && peer?.port === 0 ? "" : textOfNumber(sendQueue)

/** The columns of the table; those that are optional are left out if no socket has a value there. */
export const columns: ReadonlyArray<Column> = [
  { title: "proto", rank: 0, format: protocolOf },
  { title: "state", rank: 2, format: ({ state }) => state },
  {
    ...{ title: "recv", rank: 7, alignRight: true, isOptional: true },
    format: ({ receiveQueue }) => textOfNumber(receiveQueue)
  },
  { title: "send", rank: 8, alignRight: true, isOptional: true, format: sendOf },
  { title: "drops", rank: 9, alignRight: true, isOptional: true, format: ({ drops }) => (drops ? `${drops}` : "") },
  { title: "local", rank: 0, minWidth: 21, format: localOf },
  { title: "inode", rank: 3, alignRight: true, isOptional: true, format: inodeOf },
  { title: "peer", rank: 3, minWidth: 21, isOptional: true, format: peerOf },
  {
    title: "service",
    rank: 5,
    isOptional: true,
    format: ({ service }) => (service === undefined ? "" : nameOf(service))
  },
  { title: "process", rank: 1, minWidth: 12, format: processOf },
  { title: "pid", rank: 4, format: pidOf },
  { title: "fd", rank: 13, format: descriptorOf },
  { title: "user", rank: 6, format: userOf },
  { title: "unit", rank: 11, minWidth: 16, isOptional: true, format: unitOf },
  { title: "timer", rank: 10, isOptional: true, format: formatTimer },
  { title: "netns", rank: 2, alignRight: true, isOptional: true, format: ({ namespace }) => textOfNumber(namespace) },
  { title: "command", rank: 12, minWidth: 16, isOptional: true, format: commandOf }
]

/** Returns the columns of a table in which changed sockets are marked by a sign and a colour. */
export const columnsWithMarks = (
  kindOf: (socket: SocketTable.Socket) => SocketTable.SocketChange["kind"]
): ReadonlyArray<Column> => {
  const style = (socket: SocketTable.Socket) => marks[kindOf(socket)][1]
  return [
    { title: "", rank: 0, format: (socket) => marks[kindOf(socket)][0], style },
    ...columns.map((column) => ({ ...column, style }))
  ]
}

/** Returns the fields of a socket that are texts and numbers. */
const fieldsOf = ({ holders: _, ...fields }: SocketTable.Socket) => fields

/** Returns the JSON form of a socket of a list: its processes have their names only. */
const toJson = (socket: SocketTable.Socket) => ({
  ...fieldsOf(socket),
  processes: socket.holders.map(({ descriptors, owner: { name, pid } }) => ({ pid, name, descriptors }))
})

/** Returns the JSON form of a list. A process is described once, whatever the number of its sockets. */
export const listToJson = ({ sockets, ...rest }: SocketTable.SocketList) => ({
  sockets: sockets.map(toJson),
  processes: [...new Set(sockets.flatMap(({ holders }) => holders.map(({ owner }) => owner)))],
  ...rest
})

/** Returns the JSON form of a change, which describes its processes and states what was before. */
export const changeToJson = ({ before, kind, socket }: SocketTable.SocketChange, time: string) => ({
  change: kind,
  time,
  ...fieldsOf(socket),
  processes: socket.holders.map(({ descriptors, owner }) => ({ ...owner, descriptors })),
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
