/** Records of the rows of the kernel's tables: the sockets before their processes are known. Pure. */
import type * as InetTable from "./InetTable.ts"
import type { Ownership, Socket, SocketHolder, SocketTimer, State } from "./Socket.ts"
import type * as UnixTable from "./UnixTable.ts"

/** A socket whose processes, user and service are still to be found. */
export type SocketRecord = {
  -readonly [K in keyof Socket]: Socket[K]
}

/** States of TCP by their number in the kernel; UDP uses 1 and 7. */
const inetStates: ReadonlyArray<State | undefined> = [
  undefined,
  "established",
  "syn-sent",
  "syn-recv",
  "fin-wait-1",
  "fin-wait-2",
  "time-wait",
  "unconnected",
  "close-wait",
  "last-ack",
  "listen",
  "closing",
  "syn-recv"
]

const timerKinds: ReadonlyArray<SocketTimer["kind"] | undefined> = [undefined, "on", "keepalive", "timewait", "probe"]

/** Milliseconds of a clock tick (USER_HZ) in which the kernel states times. */
const tickMillis = 10

const retransmissionTimerCode = 1

const timerOf = ({ probes, retransmits, timerCode, timerTicks }: InetTable.InetRow): SocketTimer | undefined => {
  const kind = timerKinds[timerCode]
  if (kind === undefined) return undefined
  const count = timerCode === retransmissionTimerCode ? retransmits : probes
  return { kind, remainingMillis: timerTicks * tickMillis, retransmits: count }
}

/** Stands for the holders of a socket that has none. */
export const noHolders: ReadonlyArray<SocketHolder> = []

/** Relation to processes as far as the row shows it: a socket without an inode has none. */
const ownershipOf = (inode: number, state: State): Ownership => {
  if (inode !== 0) return "none"
  return state === "established" || state === "close-wait" || state === "syn-recv" ? "unaccepted" : "closed"
}

/** Returns the record of a TCP or UDP socket; undefined for a state that is not known. */
export const ofInet = (
  row: InetTable.InetRow,
  protocol: "tcp" | "udp",
  namespace: number | undefined
): SocketRecord | undefined => {
  const state = inetStates[row.stateCode]
  if (state === undefined) return undefined
  return {
    protocol,
    state,
    type: undefined,
    local: { address: row.localAddress, port: row.localPort },
    peer: { address: row.peerAddress, port: row.peerPort },
    path: undefined,
    receiveQueue: row.receiveQueue,
    sendQueue: row.sendQueue,
    drops: row.drops,
    timer: row.timerCode === 0 ? undefined : timerOf(row),
    uid: row.inode === 0 ? undefined : row.uid,
    user: undefined,
    inode: row.inode,
    namespace,
    service: undefined,
    ownership: ownershipOf(row.inode, state),
    holders: noHolders
  }
}

const unixTypes: Readonly<Record<number, Socket["type"]>> = { 1: "stream", 2: "dgram", 5: "seqpacket" }

/** Flag of a socket that listens (SO_ACCEPTCON). */
const acceptFlag = 0x10000

const unconnectedStateCode = 1

/** Returns the record of a unix socket; undefined for a type that is not known. */
export const ofUnix = (row: UnixTable.UnixRow, namespace: number | undefined): SocketRecord | undefined => {
  const type = unixTypes[row.typeCode]
  if (type === undefined) return undefined
  const isListening = (row.flags & acceptFlag) !== 0
  const state = isListening ? "listen" : row.stateCode === unconnectedStateCode ? "unconnected" : "established"
  return {
    protocol: "unix",
    state,
    type,
    local: undefined,
    peer: undefined,
    path: row.path,
    receiveQueue: undefined,
    sendQueue: undefined,
    drops: undefined,
    timer: undefined,
    uid: undefined,
    user: undefined,
    inode: row.inode,
    namespace,
    service: undefined,
    ownership: ownershipOf(row.inode, state),
    holders: noHolders
  }
}
