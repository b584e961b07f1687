import * as Http from "node:http"
import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as HttpClient from "effect/http/HttpClient"
import * as HttpRouter from "effect/http/HttpRouter"
import * as HttpServer from "effect/http/HttpServer"
import * as HttpServerRequest from "effect/http/HttpServerRequest"
import * as HttpServerResponse from "effect/http/HttpServerResponse"
import * as Layer from "effect/Layer"
import * as Rpc from "effect/rpc/Rpc"
import * as RpcClient from "effect/rpc/RpcClient"
import * as RpcGroup from "effect/rpc/RpcGroup"
import * as RpcSerialization from "effect/rpc/RpcSerialization"
import * as RpcServer from "effect/rpc/RpcServer"
import * as Schema from "effect/Schema"
import * as Stream from "effect/Stream"
import * as Socket from "effect/socket/Socket"
import * as InteropHttpClient from "../../../../src/network/interop/http/InteropHttpClient.ts"
import * as InteropHttpServer from "../../../../src/network/interop/http/InteropHttpServer.ts"
import * as Sha1 from "../../../../src/network/interop/http/websocket/Sha1.ts"
import * as WebSocketFrame from "../../../../src/network/interop/http/websocket/WebSocketFrame.ts"
import * as WebSocketHandshake from "../../../../src/network/interop/http/websocket/WebSocketHandshake.ts"
import { endOf } from "../../../support/EffectSockets.ts"
import * as Simulated from "../../../support/Simulated.ts"
import { live, serve } from "./HttpLab.ts"
import { latin1, split } from "./HttpText.ts"

const key = Uint8Array.of(1, 2, 3, 4)

/** Takes all events of some input. */
const events = (role: WebSocketFrame.Role, pieces: Iterable<Uint8Array>, maxMessageBytes = 100_000) => {
  const decoder = WebSocketFrame.make(role, maxMessageBytes)
  const found: Array<WebSocketFrame.Event> = []
  for (const piece of pieces) {
    WebSocketFrame.push(decoder, piece)
    while (found.at(-1)?._tag !== "Failed") {
      const event = WebSocketFrame.next(decoder)
      if (event === undefined) break
      found.push(event)
    }
  }
  return found
}

const hex = (bytes: Uint8Array) => Buffer.from(bytes).toString("hex")

describe("WebSocketFrame", () => {
  it("computes SHA-1 and the proof of RFC 6455, section 1.3", () => {
    assert.strictEqual(hex(Sha1.digest(latin1("abc"))), "a9993e364706816aba3e25717850c26c9cd0d89d")
    const long = "abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq"
    assert.strictEqual(hex(Sha1.digest(latin1(long))), "84983e441c3bd26ebaae4aa1f95129e5e54670f1")
    assert.strictEqual(WebSocketHandshake.acceptKey("dGhlIHNhbXBsZSBub25jZQ=="), "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=")
  })

  it("decodes the examples of RFC 6455, section 5.7", () => {
    const from = (text: string) => [Uint8Array.from(Buffer.from(text, "hex"))]
    assert.deepStrictEqual(events("client", from("810548656c6c6f")), [{ _tag: "Message", data: "Hello" }])
    assert.deepStrictEqual(events("server", from("818537fa213d7f9f4d5158")), [{ _tag: "Message", data: "Hello" }])
    assert.deepStrictEqual(events("client", from("010348656c80026c6f")), [{ _tag: "Message", data: "Hello" }])
    assert.strictEqual(events("client", from("890548656c6c6f"))[0]?._tag, "Ping")
  })

  it.prop(
    "decodes what was encoded, in both roles, wherever the bytes are split",
    [
      Schema.Array(Schema.Union([Schema.String, Schema.Uint8Array])).check(Schema.isMaxLength(5)),
      Schema.Literals(["client", "server"]),
      Schema.Array(Schema.Int.check(Schema.isBetween({ minimum: 0, maximum: 999 })))
    ],
    ([messages, role, places]) => {
      const frames = messages.map((message) => WebSocketFrame.message(message, role === "server" ? key : undefined))
      const found = events(role, split(Uint8Array.from(frames.flatMap((frame) => [...frame])), places))
      // A text is what UTF-8 can carry.
      const wanted = messages.map((data) => (typeof data === "string" ? Buffer.from(data).toString() : data))
      assert.deepStrictEqual(
        found,
        wanted.map((data) => ({ _tag: "Message", data }))
      )
    }
  )

  it("encodes the three forms of a length", () => {
    for (const size of [0, 125, 126, 65_535, 65_536, 70_000]) {
      const frame = WebSocketFrame.message(new Uint8Array(size).fill(7), key)
      const [found] = events("server", split(frame, [1, 3, 9, 100]))
      assert.deepStrictEqual(found, { _tag: "Message", data: new Uint8Array(size).fill(7) })
    }
  })

  const refusals: ReadonlyArray<readonly [name: string, frame: ReadonlyArray<number>, code: number]> = [
    ["a frame that is not masked", [0x81, 0], 1002],
    ["a reserved bit", [0xc1, 0x80, 0, 0, 0, 0], 1002],
    ["a reserved opcode", [0x83, 0x80, 0, 0, 0, 0], 1002],
    ["a fragment of a ping", [0x09, 0x80, 0, 0, 0, 0], 1002],
    ["a long ping", [0x89, 0xfe, 1, 0], 1002],
    ["a continuation of nothing", [0x80, 0x80, 0, 0, 0, 0], 1002],
    ["a message within another", [0x01, 0x80, 0, 0, 0, 0, 0x81, 0x80, 0, 0, 0, 0], 1002],
    ["a text that is not UTF-8", [0x81, 0x81, 0, 0, 0, 0, 0xff], 1007],
    ["a close code of one byte", [0x88, 0x81, 0, 0, 0, 0, 3], 1002],
    ["the close code 1005", [0x88, 0x82, 0, 0, 0, 0, 3, 0xed], 1002],
    ["a message that is too large", [0x82, 0xff, 0, 0, 0, 0, 1, 0, 0, 0], 1009]
  ]
  for (const [name, frame, code] of refusals) {
    it(`refuses ${name}`, () => {
      const last = events("server", [Uint8Array.from(frame)]).at(-1)
      assert.deepInclude(last, { _tag: "Failed", code })
    })
  }
})

/** Sends each message back, until the client closes. */
const echo = Effect.gen(function* () {
  const socket = yield* (yield* HttpServerRequest.HttpServerRequest).upgrade
  const { pull } = yield* socket.reader
  const writer = yield* socket.writer
  yield* Effect.ignore(Effect.forever(Effect.flatMap(pull, (messages) => writer.writeAll(messages))))
  return HttpServerResponse.empty()
})

describe("WebSockets over Network", () => {
  live("serve the WebSocket of the platform", () =>
    Effect.gen(function* () {
      const port = yield* serve(echo)
      const received = yield* Effect.callback<ReadonlyArray<unknown>>((resume) => {
        const socket = new WebSocket(`ws://127.0.0.1:${port}`, ["chat"])
        socket.binaryType = "arraybuffer"
        const all: Array<unknown> = [socket.protocol]
        socket.onopen = () => {
          all.push(socket.protocol)
          socket.send("grüße")
          socket.send(new Uint8Array(70_000).fill(5))
        }
        socket.onmessage = ({ data }) => {
          all.push(typeof data === "string" ? data : new Uint8Array(data as ArrayBuffer).length)
          if (all.length === 4) socket.close(4_001, "enough")
        }
        socket.onclose = ({ code, wasClean }) => resume(Effect.succeed([...all, code, wasClean]))
      })
      assert.deepStrictEqual(received, ["", "chat", "grüße", 70_000, 4_001, true])
    })
  )

  live("connect as effect's WebSocketConstructor", () =>
    Effect.gen(function* () {
      const port = yield* serve(echo)
      const socket = yield* Socket.makeWebSocket(`ws://127.0.0.1:${port}/path`)
      const { pull } = yield* socket.reader
      const writer = yield* socket.writer
      yield* writer.write("hello")
      assert.deepStrictEqual(yield* pull, ["hello"])
      yield* writer.write(new Socket.CloseEvent(4_002, "done"))
      assert.strictEqual(yield* endOf(pull), "SocketCloseError 4002")
    }).pipe(Effect.provide(InteropHttpClient.layerWebSocketConstructor))
  )

  live("fail to open where the server does not upgrade", () =>
    Effect.gen(function* () {
      const port = yield* serve(Effect.succeed(HttpServerResponse.text("no")))
      const socket = yield* Socket.makeWebSocket(`ws://127.0.0.1:${port}`)
      assert.strictEqual(yield* endOf(socket.reader), "SocketOpenError")
    }).pipe(Effect.provide(InteropHttpClient.layerWebSocketConstructor))
  )

  live("leave other upgrades to the app, with their bytes", () =>
    Effect.gen(function* () {
      const app = Effect.gen(function* () {
        const request = yield* HttpServerRequest.HttpServerRequest
        const socket = yield* request.upgradeWith({ headers: { "x-more": "1" } })
        const { pull } = yield* socket.reader
        const writer = yield* socket.writer
        yield* Effect.ignore(Effect.forever(Effect.flatMap(pull, (chunks) => writer.writeAll(chunks))))
        return HttpServerResponse.empty()
      })
      const port = yield* serve(app)
      const answer = yield* Effect.callback<string>((resume) => {
        const headers = { connection: "Upgrade", upgrade: "lines" }
        const request = Http.request({ port, host: "127.0.0.1", headers })
        request.on("upgrade", ({ headers }, socket) => {
          socket.on("data", (data) => {
            socket.destroy()
            resume(Effect.succeed(`${headers.upgrade} ${headers["x-more"]} ${data}`))
          })
          socket.write("ping")
        })
        request.end()
      })
      assert.strictEqual(answer, "lines 1 ping")
      const response = yield* HttpClient.get(`http://127.0.0.1:${port}`, { headers: { upgrade: "lines" } })
      const socket = yield* response.upgrade
      const { pull } = yield* socket.reader
      yield* (yield* socket.writer).write("pong")
      assert.strictEqual(Buffer.from((yield* pull)[0] as Uint8Array).toString(), "pong")
    })
  )
})

class Calls extends RpcGroup.make(
  Rpc.make("Double", { payload: { value: Schema.Int }, success: Schema.Int }),
  Rpc.make("Count", { payload: { to: Schema.Int }, success: Schema.Int, stream: true })
) {}

const handlers = Calls.toLayer({
  Double: ({ value }) => Effect.succeed(2 * value),
  Count: ({ to }) => Stream.range(1, to)
})

describe("effect/rpc over HTTP in a simulated run", () => {
  const call = Effect.gen(function* () {
    const client = yield* RpcClient.make(Calls)
    const doubled = yield* client.Double({ value: 21 })
    return [doubled, yield* Stream.runCollect(client.Count({ to: 3 }))] as const
  })
  const protocols = {
    websocket: RpcClient.layerProtocolSocket().pipe(
      Layer.provide(Socket.layerWebSocket("ws://server/rpc")),
      Layer.provide(InteropHttpClient.layerWebSocketConstructor)
    ),
    http: RpcClient.layerProtocolHttp({ url: "http://server/rpc" }).pipe(Layer.provide(InteropHttpClient.layer))
  }
  for (const protocol of ["websocket", "http"] as const) {
    it.effect(`works by ${protocol}, under delay and loss`, () =>
      Effect.gen(function* () {
        const server = RpcServer.layerHttp({ group: Calls, path: "/rpc", protocol }).pipe(
          Layer.provide(handlers),
          HttpRouter.serve,
          Layer.provide(HttpServer.layerServices),
          Layer.provide(InteropHttpServer.layer({ host: "0.0.0.0", port: 80 })),
          Layer.provide(RpcSerialization.layerNdjson)
        )
        const result = yield* Simulated.run(
          ({ host }) =>
            Effect.gen(function* () {
              const far = yield* host("server")
              yield* far.start(Layer.launch(server))
              const near = yield* host("client")
              const client = Layer.provide(protocols[protocol], RpcSerialization.layerNdjson)
              return yield* near.run(Effect.scoped(Effect.provide(call, client)))
            }) as Effect.Effect<unknown>,
          "delay=1ms..20ms"
        )
        assert.deepStrictEqual(result, [42, [1, 2, 3]])
      })
    )
  }
})
