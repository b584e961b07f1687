import { assert, describe, it } from "@effect/vitest"
import * as Schema from "effect/Schema"
import * as Telnet from "../../src/network/Telnet.ts"
import { ChunkSizes, split } from "../support/Lines.ts"

const [IAC, DONT, DO, WONT, WILL, SB, SE] = [255, 254, 253, 252, 251, 250, 240]

/** Bytes of which many have a meaning in telnet. */
const Stream = Schema.Array(Schema.Literals([IAC, DONT, DO, WONT, WILL, SB, SE, 241, 13, 10, 0, 1, 24, 97]))

const receiveAll = (chunks: ReadonlyArray<Uint8Array>) => {
  let state = Telnet.initial
  const data: Array<number> = []
  const reply: Array<number> = []
  /** Bytes of commands before each index of the data. */
  const commands: Record<number, number> = {}
  for (const chunk of chunks) {
    const step = Telnet.receive(state, chunk)
    state = step.state
    for (const { before, bytes } of step.commands) {
      commands[data.length + before] = (commands[data.length + before] ?? 0) + bytes
    }
    data.push(...step.data)
    reply.push(...step.reply)
  }
  return { data, reply, commands, state }
}

const receive = (...bytes: Array<number>) => receiveAll([Uint8Array.from(bytes)])

/** Reference implementation: one regular expression over the whole stream. */
const commands =
  /\xff(?:(?<byte>\xff)|(?<ask>[\xfb\xfd])(?<option>.)|[\xfc\xfe].|\xfa(?:[^\xff]|\xff[^\xf0])*(?:\xff\xf0|\xff?$)|.|$)/gs

const reference = (bytes: ReadonlyArray<number>) => {
  const refused = new Set<string>()
  const data = String.fromCharCode(...bytes).replace(commands, (...match) => {
    const { ask, byte, option } = match.at(-1) as Record<string, string | undefined>
    if (ask !== undefined) refused.add(`\xff${ask === "\xfd" ? "\xfc" : "\xfe"}${option}`)
    return byte ?? ""
  })
  return { data: [...Buffer.from(data, "latin1")], reply: [...Buffer.from([...refused].join(""), "latin1")] }
}

describe("Telnet", () => {
  it("returns a chunk without commands unchanged", () => {
    const chunk = Uint8Array.of(104, 105, 13, 10, 254)
    const step = Telnet.receive(Telnet.initial, chunk)
    assert.strictEqual(step.data, chunk)
    assert.strictEqual(step.state, Telnet.initial)
    assert.strictEqual(step.reply.length, 0)
  })

  it("decodes IAC IAC as a byte 255", () => {
    assert.deepStrictEqual(receive(97, IAC, IAC, 98).data, [97, 255, 98])
  })

  it("refuses each offered or requested option, in order, and nothing else", () => {
    const { data, reply } = receive(97, IAC, DO, 3, IAC, WILL, 24, IAC, WONT, 1, IAC, DONT, 5, IAC, DO, 255, 98)
    assert.deepStrictEqual(data, [97, 98])
    assert.deepStrictEqual(reply, [IAC, WONT, 3, IAC, DONT, 24, IAC, WONT, 255])
  })

  it("does not reply to its own replies", () => {
    assert.deepStrictEqual(receive(...receive(IAC, DO, 3, IAC, WILL, 24).reply).reply, [])
  })

  it("skips a subnegotiation with its escaped and its unescaped 255", () => {
    assert.deepStrictEqual(receive(97, IAC, SB, 31, 0, IAC, IAC, SE, 10, IAC, SE, 98).data, [97, 98])
    assert.deepStrictEqual(receive(97, IAC, SB, 31, IAC, 0, 24, IAC, SE, 98).data, [97, 98])
  })

  it("drops all other commands", () => {
    for (let command = 0; command < SB; command++) {
      const dropped = { ...receive(97, 98), commands: { 1: 2 } }
      assert.deepStrictEqual(receive(97, IAC, command, 98), dropped, `IAC ${command}`)
    }
  })

  it("replies to a flood once for each option, with a state of constant size", () => {
    const flood = Buffer.concat(
      Array.from({ length: 20_000 }, (_, i) => Uint8Array.of(IAC, i % 2 === 0 ? DO : WILL, i >> 1))
    )
    const { reply, state } = receiveAll(split(flood, Array(1000).fill(7)))
    assert.strictEqual(reply.length, 3 * 512)
    assert.strictEqual(state.refused.length, Telnet.initial.refused.length)
    assert.isTrue(
      Telnet.initial.refused.every((flag) => flag === 0),
      "streams share state"
    )
  })

  it("stores nothing of an endless subnegotiation", () => {
    const chunk = new Uint8Array(64 * 1024).fill(120)
    const { data, state } = receiveAll([Uint8Array.of(IAC, SB), ...Array<Uint8Array>(16).fill(chunk)])
    assert.deepStrictEqual(data, [])
    assert.deepStrictEqual(state, { ...Telnet.initial, mode: SB })
  })

  it.prop(
    "returns the same result for any division into chunks",
    [Stream, ChunkSizes],
    ([bytes, sizes]) => {
      const { commands, data, reply, state } = receiveAll(split(bytes, sizes))
      assert.deepStrictEqual({ data, reply }, reference(bytes))
      assert.isAtMost(reply.length, bytes.length)
      assert.deepStrictEqual(commands, receive(...bytes).commands)
      const removed = Object.values(commands).reduce((sum, one) => sum + one, 0)
      const escaped = data.filter((byte) => byte === IAC).length
      const openIac = state.mode === IAC ? 1 : 0
      assert.strictEqual(data.length + escaped + removed + openIac, bytes.length)
    },
    { arbitrary: { runs: 1000 } }
  )
})
