import { assert, describe, it } from "@effect/vitest"
import * as Bytes from "effect/Bytes"
import * as Effect from "effect/Effect"
import * as Redacted from "effect/Redacted"
import * as Result from "effect/Result"
import * as Schema from "effect/Schema"
import * as Auth from "../../../../src/farm/tcp/wire/Auth.ts"
import * as Protocol from "../../../../src/farm/tcp/wire/Protocol.ts"
import { ProtocolError, singleLine } from "../../../../src/farm/tcp/wire/ProtocolError.ts"

const Size = Schema.Int.check(Schema.isBetween({ minimum: 1, maximum: 50 }))

const session: Protocol.Limits = { frameBytes: Protocol.frameLimitBytes.session, packetBytes: 1 << 20 }

const frame = (message: Protocol.Message) => Bytes.concat(Result.getOrThrow(Protocol.encode(message)))

const ofBytes = (length: number) => Uint8Array.from({ length }, (_, at) => at % 251)

/** Returns a message as its frame has it: in JSON, -0 is 0. */
const asSent = (message: Protocol.Message): unknown =>
  message._tag === "Work" || message._tag === "Done" ? message : JSON.parse(JSON.stringify(message))

/** Pushes bytes in pieces of the given sizes, repeated. */
const pushAll = (decoder: Protocol.Decoder, bytes: Uint8Array, sizes: ReadonlyArray<number>) => {
  const messages: Array<Protocol.Message> = []
  let at = 0
  for (let turn = 0; at < bytes.length; turn++) {
    const size = sizes[turn % sizes.length] ?? bytes.length
    const result = decoder.push(bytes.slice(at, at + size))
    if (Result.isFailure(result)) return result.failure
    messages.push(...result.success)
    at += size
  }
  return messages
}

const raw = (text: string) => rawBytes(new TextEncoder().encode(text))

const rawBytes = (payload: Uint8Array) => {
  const bytes = new Uint8Array(4 + payload.length)
  new DataView(bytes.buffer).setUint32(0, payload.length)
  bytes.set(payload, 4)
  return bytes
}

const reasonOf = (result: Result.Result<unknown, ProtocolError>) =>
  Result.isFailure(result) ? result.failure.reason._tag : "Success"

describe("Protocol", () => {
  it.prop(
    "decodes encoded messages from pieces of any size",
    [Schema.Array(Protocol.Message), Schema.Array(Size)],
    ([messages, sizes]) => {
      const bytes = Bytes.concat([new Uint8Array(0), ...messages.map(frame)])
      const decoder = Protocol.decoder(session)
      assert.deepStrictEqual<unknown>(pushAll(decoder, bytes, sizes), messages.map(asSent))
    }
  )

  it.prop(
    "returns messages or one typed error for any bytes, and then only that error",
    [Schema.Uint8Array],
    ([bytes]) => {
      const decoder = Protocol.decoder()
      const result = decoder.push(bytes)
      if (Result.isSuccess(result)) return
      assert.instanceOf(result.failure, ProtocolError)
      assert.notStrictEqual(result.failure.message, "")
      assert.strictEqual(reasonOf(decoder.push(frame({ _tag: "Ping" }))), result.failure.reason._tag)
    }
  )

  it.prop("returns a message or a typed error for any payload", [Schema.Uint8Array, Schema.String], ([bytes, text]) => {
    const kinds = [1, 2, 3, 0x7b, 0x81, 0x82, 0x83].map((kind) => Uint8Array.of(kind, ...bytes))
    for (const payload of [bytes, ...kinds, new TextEncoder().encode(JSON.stringify(text))]) {
      assert.include(["Success", "Malformed"], reasonOf(Protocol.decoder(session).push(rawBytes(payload))))
    }
  })

  it("returns the whole messages, and no error, of a stream that is cut at any byte", () => {
    const messages: ReadonlyArray<Protocol.Message> = [
      { _tag: "Working", ids: [1, 2] },
      { _tag: "Done", id: 1, result: ofBytes(20), millis: 1 },
      { _tag: "Work", id: 2, packet: ofBytes(3) }
    ]
    const frames = messages.map(frame)
    const bytes = Bytes.concat(frames)
    const ends = frames.map((_, index) => Bytes.concat(frames.slice(0, index + 1)).length)
    for (let cut = 0; cut <= bytes.length; cut++) {
      const whole = messages.filter((_, index) => ends[index]! <= cut)
      assert.deepStrictEqual<unknown>(Result.getOrThrow(Protocol.decoder(session).push(bytes.slice(0, cut))), whole)
    }
  })

  it("sends a packet of any length in parts of 256 KiB, and refuses one beyond the limit at both ends", () => {
    for (const length of [0, 1, 262_143, 262_144, 262_145, 700_000, 1 << 20]) {
      const packet = ofBytes(length)
      const messages: ReadonlyArray<Protocol.Message> = [
        { _tag: "Work", id: 7, packet },
        { _tag: "Done", id: 0xffffffff, result: packet, millis: 0.25 },
        { _tag: "Ping" }
      ]
      const buffers = messages.flatMap((message) => Result.getOrThrow(Protocol.encode(message)))
      assert.isTrue(buffers.every((buffer) => buffer.length <= 262_144))
      assert.deepStrictEqual<unknown>(
        pushAll(Protocol.decoder(session), Bytes.concat(buffers), [1_000, 100_000]),
        messages
      )
    }
    const long = ofBytes((1 << 20) + 1)
    const error = Result.getOrThrow(Result.flip(Protocol.encodePacket({ _tag: "Work", id: 0 }, [long], 1 << 20)))
    assert.strictEqual(
      error.message,
      "packet or result too long: 1048577 bytes (limit 1048576); split the work, or raise the limit"
    )
    const bytes = frame({ _tag: "Work", id: 0, packet: long })
    assert.strictEqual(reasonOf(Protocol.decoder(session).push(bytes)), "PacketTooLong")
  })

  it("refuses parts out of order, and long packets during the handshake", () => {
    const work = frame({ _tag: "Work", id: 1, packet: ofBytes(300_000) })
    const first = work.subarray(0, 4 + 5 + 262_144)
    const rest = work.subarray(first.length)
    for (const bytes of [rest, Bytes.concat([first, first]), Bytes.concat([work, rest])]) {
      assert.strictEqual(reasonOf(Protocol.decoder(session).push(bytes)), "Malformed")
    }
    assert.strictEqual(
      reasonOf(Protocol.decoder().push(frame({ _tag: "Work", id: 1, packet: ofBytes(5_000) }))),
      "FrameTooLong"
    )
  })

  it("refuses short parts: a million of them would take more memory than their bytes", () => {
    for (const part of [
      [0x81, 0, 0, 0, 1],
      [0x81, 0, 0, 0, 1, 7],
      [0x82, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0]
    ]) {
      const error = Result.getOrThrow(Result.flip(Protocol.decoder(session).push(rawBytes(Uint8Array.from(part)))))
      assert.match(error.message, /^malformed message: a part of [01] bytes \(required 262144\)$/)
    }
  })

  it("refuses a malformed message with a one-line error", () => {
    const nested = `${"[".repeat(50_000)}${"]".repeat(50_000)}`
    for (const text of ["", "{}", "null", '{"_tag":"Stopped","id":-1}', '{"_tag":"Stopped","id":0.5}', "{", nested]) {
      const result = Protocol.decoder(session).push(raw(text))
      assert.strictEqual(reasonOf(result), "Malformed", text.slice(0, 40))
      if (Result.isFailure(result)) assert.match(result.failure.message, /^malformed message: [^\n]{1,210}$/)
    }
  })

  it("refuses a long frame at its header, and accepts it after the limit is raised", () => {
    const decoder = Protocol.decoder({ ...session, frameBytes: 100 })
    assert.strictEqual(reasonOf(decoder.push(Uint8Array.of(0, 0, 0, 101))), "FrameTooLong")
    const other = Protocol.decoder({ ...session, frameBytes: 10 })
    other.setLimits(session)
    const long = frame({ _tag: "Challenge", nonce: "n".repeat(100) })
    assert.strictEqual(reasonOf(other.push(long)), "Success")
  })

  it("decodes long frames that arrive byte by byte", () => {
    const long = frame({ _tag: "Challenge", nonce: "n".repeat(1 << 18) })
    const messages = pushAll(Protocol.decoder(session), Bytes.concat([long, long]), [1])
    assert.strictEqual(Array.isArray(messages) && messages.length, 2)
  })

  it("has a preamble that is not a valid range of the course's protocol", () => {
    const view = new DataView(Protocol.preamble.buffer)
    assert.isBelow(view.getInt32(0, true), 0)
    assert.isBelow(view.getInt32(4, true), view.getInt32(0, true))
  })

  it("reduces the text of a peer to one line of at most 203 characters", () => {
    assert.strictEqual(singleLine("a\r\n\u001b[31mb\u2028c"), "a [31mb c")
    assert.strictEqual(singleLine("x".repeat(1_000)).length, 203)
  })
})

const hello: Protocol.Hello = {
  ...{ _tag: "Hello", version: Protocol.version, job: "primes", jobVersion: 1, lease: 1_000 },
  nonce: "farm"
}
const welcome: Protocol.Welcome = { _tag: "Welcome", threads: 2, capacity: 64, maxInFlightBytes: 1_000 }
const agreed: Auth.Transcript = { hello, serverNonce: "server", welcome }

describe("Auth", () => {
  const auth = (key: string) => Auth.make(Redacted.make(key))

  it.live("accepts proofs made with the same key and role only", () =>
    Effect.gen(function* () {
      const [one, same, other] = yield* Effect.all([auth("key"), auth("key"), auth("Key")])
      const proof = yield* one.prove("farm", agreed)
      assert.isTrue(yield* same.verify("farm", agreed, proof))
      assert.isFalse(yield* other.verify("farm", agreed, proof))
      assert.isFalse(yield* same.verify("server", agreed, proof))
      for (const bad of [undefined, "", "no base 64!", proof.slice(4), `${proof}AAAA`]) {
        assert.isFalse(yield* same.verify("farm", agreed, bad))
      }
    })
  )

  it.live("signs every parameter of the handshake, and never repeats a nonce", () =>
    Effect.gen(function* () {
      const one = yield* auth("key")
      const proof = yield* one.prove("server", agreed)
      const changed: ReadonlyArray<Auth.Transcript> = [
        { ...agreed, serverNonce: "other" },
        { ...agreed, hello: { ...hello, nonce: "other" } },
        { ...agreed, hello: { ...hello, job: "other" } },
        { ...agreed, hello: { ...hello, jobVersion: 2 } },
        { ...agreed, welcome: { ...welcome, threads: 3 } },
        { ...agreed, welcome: { ...welcome, capacity: 65 } },
        { ...agreed, welcome: { ...welcome, maxInFlightBytes: 1_001 } }
      ]
      for (const other of changed) assert.isFalse(yield* one.verify("server", other, proof))
      assert.notStrictEqual(yield* one.nonce, yield* one.nonce)
    })
  )

  it.live("refuses an empty key", () =>
    Effect.gen(function* () {
      assert.match((yield* Effect.flip(auth(""))).message, /^invalid key: it is empty/)
    })
  )
})
