/** Undocumented parts of Node's UDP sockets: the descriptor, and a handle for descriptor 0. */
import * as Dgram from "node:dgram"

/** libuv's handle of a socket. */
interface Handle {
  readonly fd?: number
  /** Uses an open descriptor. Returns 0, or the negative number of an error. */
  readonly open?: (fd: number) => number
}

const handleOf = (socket: Dgram.Socket): Handle | undefined => {
  const key = Object.getOwnPropertySymbols(socket).find(({ description }) => description === "state symbol")
  const state = socket as unknown as Readonly<Record<symbol, { readonly handle?: Handle } | undefined>>
  return key === undefined ? undefined : state[key]?.handle
}

/** Returns the descriptor of a socket; undefined where Node's internals differ. */
export const descriptorOf = (socket: Dgram.Socket): number | undefined => handleOf(socket)?.fd

/**
 * Returns the options of `bind` for an open descriptor. Node takes descriptors from 1 on: it would bind another port
 * for 0, which inetd passes, so that one is opened as a handle. Throws if that is not possible.
 */
export const bindOptions = (fd: number, type: Dgram.SocketType): Dgram.BindOptions => {
  if (fd !== 0) return { fd, exclusive: true }
  const handle = handleOf(Dgram.createSocket(type))
  const error = handle?.open?.(fd)
  if (error !== 0)
    throw new Error(`descriptor 0 cannot be used as a UDP socket (${error ?? "not supported by this Node"})`)
  return handle as Dgram.BindOptions
}
