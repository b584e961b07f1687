import { assert, describe, it } from "@effect/vitest"
import * as RpcSerialization from "effect/rpc/RpcSerialization"
import * as Schema from "effect/Schema"
import { EncodedUpdate } from "../../src/web/EncodedUpdate.ts"
import * as PageWire from "../../src/web/PageWire.ts"

const tags = ["Request", "Ack", "Interrupt", "Ping", "Eof", "Pong", "__proto__", "constructor", "toString"]

const Value = Schema.Union([Schema.Null, Schema.Literals([0, 1, -1, 0.5, 1e300, "", "1", "x".repeat(30), true])])

const Members = Schema.Array(
  Schema.Struct({
    name: Schema.Literals(["_tag", "id", "requestId", "tag", "payload", "headers", "isNotification", "discard"]),
    value: Schema.Union([Value, Schema.Literals(tags), Schema.Array(Value), Schema.Struct({ a: Value })])
  })
)

/** Frames of members that are almost messages, or of any text. */
const Frame = Schema.Union([
  Schema.String,
  Members.pipe(Schema.check(Schema.isMaxLength(8))),
  Schema.Array(Members).pipe(Schema.check(Schema.isMaxLength(3)))
])

const objectOf = (members: typeof Members.Type) => Object.fromEntries(members.map(({ name, value }) => [name, value]))

const frameOf = (frame: typeof Frame.Type): string => {
  if (typeof frame === "string") return frame
  const isBatch = frame.some(Array.isArray)
  return JSON.stringify(
    isBatch ? (frame as ReadonlyArray<typeof Members.Type>).map(objectOf) : objectOf(frame as never)
  )
}

const request: PageWire.FromBrowser = { _tag: "Request", id: "7", tag: "about", payload: { token: "" }, headers: [] }

describe("PageWire", () => {
  it("decode returns a request without what the page does not need", () => {
    const whole = {
      ...request,
      headers: [["a", "b"]],
      traceId: "1".repeat(32),
      spanId: "2",
      sampled: true,
      more: {}
    }
    assert.deepStrictEqual(PageWire.decode(JSON.stringify(whole)), [request])
    assert.deepStrictEqual(PageWire.decode(new TextEncoder().encode(JSON.stringify([whole, whole]))), [
      request,
      request
    ])
  })

  it("decode takes what a client of effect/rpc encodes", () => {
    const client = RpcSerialization.json.makeUnsafe()
    const messages: ReadonlyArray<PageWire.FromBrowser> = [
      request,
      { _tag: "Ack", requestId: "7" },
      { _tag: "Interrupt", requestId: 7 },
      { _tag: "Ping" },
      { _tag: "Eof" }
    ]
    for (const message of messages) {
      assert.deepStrictEqual(PageWire.decode(client.encode(message)!), [message])
    }
  })

  it("decode takes no request whose answer is not wanted", () => {
    for (const member of [{ discard: true }, { isNotification: true }, { discard: false }]) {
      assert.deepStrictEqual(PageWire.decode(JSON.stringify({ ...request, ...member })), [{ _tag: "Malformed" }])
    }
  })

  it("decode takes at most 32 messages of a frame", () =>
    assert.lengthOf(PageWire.decode(JSON.stringify(Array.from({ length: 100 }, () => request))), 32))

  it("decode finds no message in names of the language", () => {
    for (const tag of ["__proto__", "constructor", "toString", "hasOwnProperty"]) {
      assert.deepStrictEqual(PageWire.decode(JSON.stringify({ _tag: tag })), [{ _tag: "Malformed" }])
    }
  })

  it.prop("decode never throws, and returns messages with their members only", [Frame], ([frame]) => {
    for (const message of PageWire.decode(frameOf(frame))) {
      switch (message._tag) {
        case "Malformed":
        case "Ping":
        case "Eof":
          assert.deepStrictEqual(Object.keys(message), ["_tag"])
          break
        case "Ack":
        case "Interrupt":
          assert.deepStrictEqual(Object.keys(message), ["_tag", "requestId"])
          assert.isAtMost(String(message.requestId).length, 20)
          break
        case "Request":
          assert.deepStrictEqual(Object.keys(message), ["_tag", "id", "tag", "payload", "headers"])
          assert.isAtMost(String(message.id).length, 20)
          assert.isString(message.tag)
          assert.deepStrictEqual(message.headers, [])
          break
        default:
          assert.fail(`not a message of a browser: ${JSON.stringify(message)}`)
      }
    }
  })

  it("encode writes the text of an update as it is, and what JSON.stringify would write", () => {
    const update = new EncodedUpdate({ atMillis: 5, services: [] }, '{"atMillis":5,"services":[]}')
    for (const requestId of ["3", 3, '"']) {
      const chunk = { _tag: "Chunk", requestId, values: [update] } as const
      assert.strictEqual(PageWire.encode(chunk), JSON.stringify(chunk))
    }
    const exit = { _tag: "Exit", requestId: "3", exit: { _tag: "Success", value: { a: "\u2028" } } } as const
    assert.deepStrictEqual(JSON.parse(PageWire.encode(exit)), exit)
  })
})
