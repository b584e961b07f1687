/** Selection and order of sockets. Pure. */
import { type Socket, type State, states } from "./Socket.ts"

/** All protocols, in the order of a list. */
export const protocols = ["tcp", "udp", "unix"] as const

/** Conditions that a socket must meet, all of them; one that is not given is met. */
export interface Filter {
  /** Default: all. */
  readonly protocols?: ReadonlyArray<Socket["protocol"]> | undefined
  /** Only sockets that wait for peers: listeners, UDP sockets without a peer, named unix datagram sockets. */
  readonly listening?: boolean | undefined
  /** Port of either end. Unix sockets have none. */
  readonly port?: number | undefined
  readonly states?: ReadonlyArray<State> | undefined
  /** Process that has the socket open. */
  readonly pid?: number | undefined
}

const connected = states.filter((state) => state !== "listen" && state !== "unconnected")

/** Names of states as ss(8) has them, and the states that each means. */
export const stateNames: Readonly<Record<string, ReadonlyArray<State>>> = {
  ...Object.fromEntries(states.map((state) => [state, [state]])),
  listening: ["listen"],
  estab: ["established"],
  unconn: ["unconnected"],
  closed: ["unconnected"],
  all: states,
  connected,
  synchronized: connected.filter((state) => state !== "syn-sent"),
  bucket: ["time-wait", "syn-recv"],
  big: states.filter((state) => state !== "time-wait" && state !== "syn-recv")
}

/** Returns true if a socket waits for peers. */
const isListening = ({ local, path, protocol, state, type }: Socket): boolean => {
  if (state === "listen") return true
  if (state !== "unconnected") return false
  return protocol === "udp" ? local?.port !== 0 : type === "dgram" && path !== undefined
}

/** Tests all conditions but that of the process, which is not known before the processes are searched. */
export const matchesRow = (socket: Socket, { listening, port, protocols, states }: Filter): boolean =>
  (protocols === undefined || protocols.includes(socket.protocol)) &&
  (states === undefined || states.includes(socket.state)) &&
  (port === undefined || socket.local?.port === port || socket.peer?.port === port) &&
  (listening !== true || isListening(socket))

/** Tests the condition of the process. */
export const matchesProcess = ({ holders }: Socket, { pid }: Filter): boolean =>
  pid === undefined || holders.some(({ owner }) => owner.pid === pid)

const protocolOrder = { tcp: 0, udp: 1, unix: 2 } as const

const stateOrder = Object.fromEntries(states.map((state, at) => [state, at])) as Readonly<Record<State, number>>

const compareTexts = (one = "", other = "") => (one < other ? -1 : one > other ? 1 : 0)

/**
 * Compares sockets: by namespace, protocol and state, listeners first, then by the ports of both ends, then by
 * addresses and paths.
 */
export const compare = (one: Socket, other: Socket): number =>
  (one.namespace ?? 0) - (other.namespace ?? 0) ||
  orderOf(one) - orderOf(other) ||
  compareTexts(one.local?.address, other.local?.address) ||
  compareTexts(one.path, other.path) ||
  compareTexts(one.peer?.address, other.peer?.address) ||
  one.inode - other.inode

/** Number by which most sockets are ordered: protocol, state, and the ports of both ends. */
const orderOf = ({ local, peer, protocol, state }: Socket) =>
  ((protocolOrder[protocol] * 16 + stateOrder[state]) * 65_536 + (local?.port ?? 0)) * 65_536 + (peer?.port ?? 0)

/**
 * Sorts sockets as `compare` does. The numbers are computed once for each socket: most connections differ in their
 * ports.
 */
export const sort = (sockets: ReadonlyArray<Socket>): ReadonlyArray<Socket> =>
  sockets
    .map((socket) => ({ socket, order: orderOf(socket), namespace: socket.namespace ?? 0 }))
    .sort(
      (one, other) => one.namespace - other.namespace || one.order - other.order || compare(one.socket, other.socket)
    )
    .map(({ socket }) => socket)
