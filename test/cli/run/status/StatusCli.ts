/** Status peers in their own processes, on this machine's broadcast address. */
import * as Dgram from "node:dgram"
import * as Effect from "effect/Effect"
import * as TerminalText from "../../../../src/network/TerminalText.ts"
import * as Cli from "../../../support/Cli.ts"

export const loopback = "127.255.255.255"

type Running = Pick<Effect.Success<ReturnType<typeof Cli.start>>, "waitForOutput">

/** A change as printed by `--json`. */
export interface Change {
  readonly change: string
  readonly name: string
  readonly id: string
  readonly state: string
  readonly self?: true
  readonly address?: string
  readonly port?: number
  readonly dialect: string
  readonly age: number
  readonly missed: number
  readonly payload: { readonly x: number; readonly y: number; readonly host?: string }
  readonly time: string
}

/** Opens a datagram socket that can broadcast and shares its port. */
export const socket = (port = 0) =>
  Effect.acquireRelease(
    Effect.callback<Dgram.Socket>((resume) => {
      const socket = Dgram.createSocket({ type: "udp4", reuseAddr: true })
      socket.bind(port, "0.0.0.0", () => {
        socket.setBroadcast(true)
        resume(Effect.succeed(socket))
      })
    }),
    (socket) => Effect.sync(() => void socket.close())
  )

/** Returns an unused port. */
export const freePort = Effect.scoped(Effect.map(socket(), (socket) => socket.address().port))

const onLoopback = (port: number, args: ReadonlyArray<string>) => [
  ...["status", "--address", loopback, "--port", `${port}`],
  ...args
]

/** Starts a peer on the loopback broadcast address. */
export const peer = (port: number, ...args: ReadonlyArray<string>) => Cli.start(onLoopback(port, args))

/** As `peer`, in this process. */
export const peerInProcess = (port: number, ...args: ReadonlyArray<string>) =>
  Cli.startInProcess(onLoopback(port, args))

const literal = (text: string) => text.replaceAll(/[^\w ]/g, "\\$&")

/** Waits until a peer that runs with `--json` has printed a change. */
export const waitForChange = (running: Running, change: string, name: string) =>
  Effect.map(
    running.waitForOutput(
      "stdout",
      new RegExp(`^\\{"change":"${change}","name":${literal(TerminalText.escape(JSON.stringify(name)))},.*\\}$`, "m")
    ),
    ([line]) => JSON.parse(line) as Change
  )

/** Waits for the next datagram that contains a text. */
export const nextDatagram = (socket: Dgram.Socket, text: string) =>
  Effect.callback<Buffer>((resume) => {
    const onMessage = (bytes: Buffer) => {
      if (!bytes.toString("latin1").includes(text)) return
      socket.off("message", onMessage)
      resume(Effect.succeed(bytes))
    }
    socket.on("message", onMessage)
  })

/** Returns a hand-made packet of the course. */
export const coursePacket = (name: string, x: number, y: number) => {
  const bytes = Buffer.alloc(72, 0xaa)
  bytes.write(`${name}\0`)
  bytes.writeInt32LE(x, 64)
  bytes.writeInt32LE(y, 68)
  return bytes
}
