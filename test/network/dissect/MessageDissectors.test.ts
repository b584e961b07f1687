import { assert, describe, it } from "@effect/vitest"
import { HttpDissector, type Packet, RpcDissector } from "effect-inet/network"

const packet = (text: string): Packet.Packet => ({
  transport: "tcp",
  kind: "data",
  from: { address: "192.0.2.1", port: 40_000 },
  to: { address: "192.0.2.2", port: 80 },
  bytes: new TextEncoder().encode(text)
})

const rpc = (...lines: ReadonlyArray<unknown>) =>
  RpcDissector.dissector.dissect(packet(lines.map((line) => `${JSON.stringify(line)}\n`).join("")))

const http = (text: string) => HttpDissector.dissector.dissect(packet(text))

describe("RpcDissector", () => {
  it("shows requests, chunks, replies and failures", () => {
    const request = { _tag: "Request", id: 0, tag: "Follow", payload: { after: 0 }, headers: [] }
    assert.deepStrictEqual(rpc(request), { kind: "Request", summary: 'Request 0 Follow {"after":0}' })
    assert.strictEqual(rpc({ _tag: "Chunk", requestId: 0, values: [1, 2] })?.summary, "Chunk 0 [1,2]")
    assert.strictEqual(rpc({ _tag: "Ack", requestId: 0 }, { _tag: "Ping" })?.summary, "Ack 0, Ping")
    const exit = (value: unknown) => rpc({ _tag: "Exit", requestId: 3, exit: value })?.summary
    assert.strictEqual(exit({ _tag: "Success", value: "ok" }), "Exit 3 Success ok")
    assert.strictEqual(exit({ _tag: "Success" }), "Exit 3 Success")
    const cause = [
      { _tag: "Fail", error: { _tag: "Full", limit: 9 } },
      { _tag: "Die", defect: "bug" }
    ]
    assert.strictEqual(exit({ _tag: "Failure", cause }), 'Exit 3 Failure Full {"limit":9} Die bug')
  })

  it("shows requests to entities, and their replies, without their envelopes", () => {
    const address = { shardId: { group: "default", id: 1 }, entityType: "Account", entityId: "ann" }
    const request = { _tag: "Request", requestId: "1", address, tag: "Deposit", payload: { amount: 5 } }
    const message = { _tag: "Request", id: 7, tag: "Effect", payload: { request, persisted: true } }
    assert.strictEqual(rpc(message)?.summary, 'Request 7 Account/ann Deposit {"amount":5}')
    const value = { _tag: "WithExit", requestId: "1", id: "2", exit: { _tag: "Success", value: 5 } }
    assert.strictEqual(
      rpc({ _tag: "Exit", requestId: 7, exit: { _tag: "Success", value } })?.summary,
      "Exit 7 Success 5"
    )
  })

  it("finds messages in HTTP, in arrays, and at the start of a segment that ends within one", () => {
    const body = '[{"_tag":"Ack","requestId":"1"},{"_tag":"Eof"}]'
    const dissect = (text: string) => RpcDissector.dissector.dissect(packet(text))
    assert.strictEqual(dissect(`POST / HTTP/1.1\r\nhost: a\r\n\r\n${body}`)?.summary, "Ack 1, Eof")
    assert.deepStrictEqual(dissect('{"_tag":"Exit","requ'), { kind: "Exit", summary: "Exit \u2026" })
    for (const other of ["", "hello", "{}", "[1, null]", '{"_tag":"Other"}', '{"_tag":7}', "\u0001{}"]) {
      assert.isUndefined(dissect(other))
    }
  })
})

describe("HttpDissector", () => {
  it("shows the start line and the body", () => {
    assert.deepStrictEqual(http('POST /n HTTP/1.1\r\nhost: b\r\n\r\n{"n":1}'), {
      kind: "POST",
      summary: 'POST /n {"n":1}'
    })
    assert.deepStrictEqual(http("HTTP/1.1 204 No Content\r\n\r\n"), { kind: "204", summary: "204 No Content" })
    assert.strictEqual(http("HTTP/1.1 200 OK\r\ncontent-le")?.summary, "200 OK \u2026")
    assert.isUndefined(http("SSH-2.0-OpenSSH\r\n"))
  })
})
