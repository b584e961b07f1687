/** Undocumented parts of Node's UDP sockets: the descriptor, and a handle for descriptor 0. */
import * as Dgram from "node:dgram"
import * as Util from "node:util"

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
  const socket = Dgram.createSocket(type)
  const handle = handleOf(socket)
  const error = handle?.open?.(fd)
  if (error === 0) return handle as Dgram.BindOptions
  socket.close()
  const why = error === undefined ? "not supported by this version of Node" : Util.getSystemErrorMessage(error)
  throw new Error(`descriptor 0 cannot be used as a UDP socket: ${why}`)
}
