/**
 * The WebSockets of the page with limits that `ws` does not have.
 *
 * It keeps all that a browser does not read, and does not notice a browser whose connection is gone.
 */
import * as NodeWS from "@effect/platform-node/NodeWS"

/** Limits of a WebSocket. */
export interface Limits {
  /** Bytes that a browser has not read yet, with which its connection closes at the next message. */
  readonly maxBufferedBytes: number
  /** Largest message of a browser. */
  readonly maxMessageBytes: number
  /** Time for the closing handshake. */
  readonly closeTimeoutMillis: number
}

/** Pings without an answer: after one the answer may wait in the kernel, if this process was busy. */
const maxPings = 2

type Data = Parameters<NodeWS.WebSocket["send"]>[0]

/** Makes the options of a `WebSocketServer`, and the check of its connections. */
export const make = ({ closeTimeoutMillis, maxBufferedBytes, maxMessageBytes }: Limits) => {
  /** The open sockets, with the number of pings since the last message. */
  const open = new Map<NodeWS.WebSocket, number>()

  class PageSocket extends NodeWS.WebSocket {
    constructor(...args: ConstructorParameters<typeof NodeWS.WebSocket>) {
      super(...args)
      open.set(this, 0)
      const markAlive = () => void (open.has(this) && open.set(this, 0))
      this.on("message", markAlive)
      this.on("pong", markAlive)
      this.on("close", () => open.delete(this))
    }

    override send(data: Data, ...rest: ReadonlyArray<unknown>): void {
      // The browser acknowledges each part of a stream, so one that reads slowly never comes close.
      if (this.bufferedAmount > maxBufferedBytes) this.terminate()
      else super.send(data, ...(rest as []))
    }
  }

  const options = {
    // `ws` calls it with the arguments of its own class, whose overloads a subclass cannot repeat.
    WebSocket: PageSocket as unknown as typeof NodeWS.WebSocket,
    maxPayload: maxMessageBytes,
    maxFragments: 16,
    maxBufferedChunks: 64,
    // The updates are small, and compression would cost each browser a window of memory.
    perMessageDeflate: false,
    closeTimeout: closeTimeoutMillis
  }
  const checkAlive = () => {
    for (const [socket, pings] of open) {
      if (pings >= maxPings) socket.terminate()
      else if (socket.readyState === NodeWS.WebSocket.OPEN) {
        open.set(socket, pings + 1)
        socket.ping()
      }
    }
  }
  return { options, checkAlive }
}
