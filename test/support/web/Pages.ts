/** Servers of the page and browsers for tests. */
import * as Net from "node:net"
import * as NodeWS from "@effect/platform-node/NodeWS"
import * as Effect from "effect/Effect"
import * as HttpServer from "effect/http/HttpServer"
import * as Layer from "effect/Layer"
import type * as NetAddress from "effect/net/NetAddress"
import * as RpcClient from "effect/rpc/RpcClient"
import * as RpcSerialization from "effect/rpc/RpcSerialization"
import * as Schedule from "effect/Schedule"
import * as Socket from "effect/socket/Socket"
import * as PageAssets from "../../../src/web/assets/PageAssets.ts"
import * as NodePageServer from "../../../src/web/NodePageServer.ts"
import * as PageHub from "../../../src/web/PageHub.ts"
import { PageRpc } from "../../../src/web/PageRpc.ts"

const encoder = new TextEncoder()

const asset = (path: string, text: string, brotli?: string) =>
  [
    path,
    PageAssets.makeAsset(path, {
      bytes: encoder.encode(text),
      brotli: brotli === undefined ? undefined : encoder.encode(brotli),
      hash: `hash-of-${path}`
    })
  ] as const

/** A page of two files; the compressed form of the script is a stand-in. */
const assets = PageAssets.fromMap(
  new Map([
    asset("/index.html", "<!doctype html><title>page</title>"),
    asset("/assets/main-1a2b.js", "console.log('main')", "compressed")
  ])
)

type Options = Parameters<typeof NodePageServer.layer>[0]

/** Starts a server on a free port, until the scope closes. */
export const start = Effect.fnUntraced(function* (options: Partial<Options> = {}) {
  const hub = options.hub ?? (yield* PageHub.make)
  const context = yield* Layer.build(NodePageServer.layer({ port: 0, assets, version: "1.2.3", ...options, hub }))
  const { address } = yield* Effect.provideContext(HttpServer.HttpServer, context)
  return (address as NetAddress.InetAddress).port
})

/** Connects as the page does, until the scope closes. It connects again after a failure. */
export const connect = Effect.fnUntraced(function* (port: number) {
  const socket = yield* Effect.provide(
    Socket.makeWebSocket(`ws://127.0.0.1:${port}/rpc`),
    NodeWS.layerWebSocketConstructor
  )
  const protocol = yield* RpcClient.makeProtocolSocket({ retryPolicy: Schedule.spaced("5 millis") }).pipe(
    Effect.provideService(Socket.Socket, socket),
    Effect.provideService(RpcSerialization.RpcSerialization, RpcSerialization.json)
  )
  return yield* RpcClient.make(PageRpc, { disableTracing: true }).pipe(
    Effect.provideService(RpcClient.Protocol, protocol)
  )
})

/** Connects, sends a text, and collects what arrives until the connection closes. */
export const rawConnect = (port: number, text: string, options: { readonly allowHalfOpen?: boolean } = {}) => {
  const socket = Net.connect({ port, host: "127.0.0.1", ...options })
  const chunks: Array<Buffer> = []
  socket.on("data", (bytes) => void chunks.push(bytes))
  socket.on("error", () => {})
  const received = () => Buffer.concat(chunks)
  const opened = new Promise<void>((resolve) => socket.once("connect", () => resolve()))
  const closed = new Promise<string>((resolve) => socket.once("close", () => resolve(received().toString("latin1"))))
  if (text !== "") socket.write(text, "latin1")
  return { socket, opened, closed, received }
}

/** A request of a browser with these further lines. */
export const request = (path: string, lines: ReadonlyArray<string> = [], method = "GET") =>
  [`${method} ${path} HTTP/1.1`, "Host: 127.0.0.1", "Connection: close", ...lines, "", ""].join("\r\n")

/** Headers of an upgrade to WebSocket. */
export const upgradeLines = [
  "Upgrade: websocket",
  "Connection: Upgrade",
  "Sec-WebSocket-Version: 13",
  "Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA=="
]

/** A request for a WebSocket, with these further lines. */
export const upgrade = (lines: ReadonlyArray<string> = [], host = "127.0.0.1") =>
  ["GET /rpc HTTP/1.1", `Host: ${host}`, ...upgradeLines, ...lines, "", ""].join("\r\n")

/** Encodes a frame of a browser (RFC 6455, section 5.2), with the mask 0. */
export const frame = (payload: string | Uint8Array, { mask = true, opcode = 1 } = {}): Buffer => {
  const bytes = Buffer.from(payload)
  const short = bytes.length < 126
  const head = Buffer.alloc(short ? 2 : 4)
  head[0] = 0x80 | opcode
  head[1] = (mask ? 0x80 : 0) | (short ? bytes.length : 126)
  if (!short) head.writeUInt16BE(bytes.length, 2)
  return Buffer.concat([head, ...(mask ? [Buffer.alloc(4)] : []), bytes])
}

/** Opens a WebSocket without a library. Resolves once the server has agreed. */
export const rawBrowser = Effect.fnUntraced(function* (port: number) {
  const client = rawConnect(port, upgrade())
  yield* Effect.addFinalizer(() => Effect.sync(() => client.socket.destroy()))
  yield* Effect.promise(
    () =>
      new Promise<void>((resolve) => {
        const check = () => {
          if (!client.received().includes("\r\n\r\n")) return
          client.socket.off("data", check)
          resolve()
        }
        client.socket.on("data", check)
      })
  )
  const send = (message: unknown) => void client.socket.write(frame(JSON.stringify(message)))
  return { ...client, send }
})
