/**
 * To and from the sockets of effect: `Socket`, `SocketServer` and `DatagramSocket`, for programs that already hold one
 * or the other.
 *
 * Ours know more: addresses, RST, counters, half-close in both directions. What an effect socket cannot tell is a
 * parameter or approximated, and each function says how. Errors are translated both ways and keep the platform's own
 * error as their cause; an error that comes back is the one that left.
 */
export * from "./InteropDatagram.ts"
export * from "./InteropServer.ts"
export * from "./InteropSocket.ts"
