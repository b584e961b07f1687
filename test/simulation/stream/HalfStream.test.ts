import { assert, describe, it } from "@effect/vitest"
import * as Arbitrary from "effect/Arbitrary"
import * as Schema from "effect/Schema"
import * as HalfStream from "../../../src/simulation/stream/HalfStream.ts"

const windowBytes = 16

/** One end of a connection in the model: its machine, and what its program and its network have done. */
interface ModelEnd {
  stream: HalfStream.HalfStream
  /** Packets on their way from this end to the other. */
  readonly inFlight: Array<HalfStream.Event>
  /** Bytes that the program wrote before it ended or lost its output. */
  readonly written: Array<number>
  /** Bytes that the program read. */
  readonly read: Array<number>
  readonly events: Set<HalfStream.Event["_tag"]>
}

const makeEnd = (): ModelEnd => ({
  stream: HalfStream.make(windowBytes),
  inFlight: [],
  written: [],
  read: [],
  events: new Set()
})

const eventFor = (action: HalfStream.Action): HalfStream.Event | undefined => {
  switch (action._tag) {
    case "Data":
      return { _tag: "Receive", bytes: action.bytes }
    case "Fin":
      return { _tag: "Receive", bytes: new Uint8Array(0), end: "fin" }
    case "Rst":
      return { _tag: "Reset" }
    case "Ack":
      return { _tag: "WindowUpdate", bytes: action.bytes }
    case "Deliver":
      return undefined
  }
}

/** Dispatches an event and checks what holds after each. */
const dispatch = (end: ModelEnd, event: HalfStream.Event) => {
  const before = end.stream
  const [after, actions] = HalfStream.step(before, event)
  end.stream = after
  end.events.add(event._tag)
  for (const action of actions) {
    if (action._tag === "Deliver") end.read.push(...action.bytes)
    const sent = eventFor(action)
    if (sent !== undefined) end.inFlight.push(sent)
  }
  if (before.state === "CLOSED") {
    assert.strictEqual(after.state, "CLOSED", "a closed end stays closed")
    assert.deepStrictEqual(
      actions.filter(({ _tag }) => _tag !== "Deliver"),
      [],
      "a closed end sends nothing"
    )
  }
  if (!HalfStream.canWrite(before)) assert.isFalse(HalfStream.canWrite(after), "an ended output is not written again")
  if (before.state !== "CLOSED" && after.state === "CLOSED") {
    assert.strictEqual(after.send.queuedBytes, 0, "a closed end discards what was not sent")
    const unread = event._tag === "Abort" ? 0 : before.receive.queuedBytes
    if (event._tag !== "Transmit") assert.strictEqual(after.receive.queuedBytes, unread, "only Abort discards input")
  }
  assert.isAtLeast(after.sendWindow, 0)
  assert.isAtMost(after.receive.queuedBytes, after.receiveWindow, "the window holds the writer back")
}

let nextByte = 0

/** Writes bytes of which each has its own value, as long as there are fewer than 256. */
const write = (end: ModelEnd, length: number) => {
  const bytes = Uint8Array.from({ length }, () => nextByte++ % 256)
  if (HalfStream.canWrite(end.stream)) end.written.push(...bytes)
  dispatch(end, { _tag: "Write", bytes })
}

const transmit = (end: ModelEnd, maxBytes: number) => dispatch(end, { _tag: "Transmit", maxBytes, now: 0 })

/** Delivers the first packet in flight, as the network does to an end that is not closed. */
const deliver = (from: ModelEnd, to: ModelEnd) => {
  const event = from.inFlight.shift()
  if (event === undefined) return
  if (to.stream.state !== "CLOSED") dispatch(to, event)
  else if (event._tag === "Receive" && event.bytes.length > 0) dispatch(from, { _tag: "Reset" })
}

const Command = Schema.Struct({
  end: Schema.Literals(["client", "server"]),
  kind: Schema.Literals([
    ...["write", "write", "write", "transmit", "transmit", "transmit", "deliver", "deliver", "deliver"],
    ...["read", "read", "end", "end read", "discard", "discard output", "abort", "close", "grow", "time out"]
  ] as const),
  size: Schema.Int.check(Schema.isBetween({ minimum: 0, maximum: 12 }))
})

const Script = Arbitrary.array(Arbitrary.schema(Command), { minLength: 1, maxLength: 60 })

const run = (end: ModelEnd, other: ModelEnd, { kind, size }: typeof Command.Type) => {
  switch (kind) {
    case "write":
      return write(end, 3 * size)
    case "transmit":
      return transmit(end, Math.max(1, 2 * size))
    case "deliver":
      return deliver(other, end)
    case "read":
      return dispatch(end, { _tag: "Read", now: 0 })
    case "end":
      return dispatch(end, { _tag: "End" })
    case "end read":
      return dispatch(end, { _tag: "EndRead", now: 0 })
    case "discard":
      return dispatch(end, { _tag: "DiscardInput" })
    case "discard output": {
      end.written.length -= end.stream.send.queuedBytes
      return dispatch(end, { _tag: "DiscardOutput" })
    }
    case "grow":
      return dispatch(end, { _tag: "GrowWindow", bytes: windowBytes + size })
    case "time out":
      return dispatch(end, { _tag: "TimeOut" })
    case "abort":
      return dispatch(end, { _tag: "Abort" })
    case "close":
      return dispatch(end, { _tag: "Close" })
  }
}

/** Sends, delivers and reads everything that is left. */
const settle = (ends: readonly [ModelEnd, ModelEnd]) => {
  const isActive = ({ inFlight, stream }: ModelEnd) =>
    inFlight.length > 0 || HalfStream.sendable(stream) !== undefined || stream.receive.queuedBytes > 0
  for (let round = 0; round < 200 && ends.some(isActive); round++) {
    for (const [end, other] of [ends, [ends[1], ends[0]]] as const) {
      transmit(end, 5)
      deliver(end, other)
      dispatch(other, { _tag: "Read", now: 0 })
    }
  }
}

/** Bytes of the data, or of the window updates, on their way from an end. */
const bytesInFlight = ({ inFlight }: ModelEnd, tag: "Receive" | "WindowUpdate") => {
  const bytesOf = (event: HalfStream.Event) =>
    event._tag === "Receive" ? event.bytes.length : event._tag === "WindowUpdate" ? event.bytes : 0
  return inFlight.filter(({ _tag }) => _tag === tag).reduce((sum, event) => sum + bytesOf(event), 0)
}

/** Checks that every byte of the window is free, in flight, unread at the receiver, or on its way back. */
const checkWindow = (from: ModelEnd, to: ModelEnd) => {
  if (from.stream.state === "CLOSED" || to.stream.state === "CLOSED") return
  const { receive, unannounced, withheld } = to.stream
  const sent = bytesInFlight(from, "Receive") + receive.queuedBytes + withheld
  const read = unannounced + bytesInFlight(to, "WindowUpdate")
  assert.strictEqual(from.stream.sendWindow + sent + read, to.stream.receiveWindow)
}

const isPrefix = (part: ReadonlyArray<number>, whole: ReadonlyArray<number>) =>
  part.every((byte, index) => byte === whole[index])

describe("HalfStream", () => {
  it.prop(
    "delivers bytes in order, once, up to FIN",
    [Script],
    ([script]) => {
      nextByte = 0
      const [client, server] = [makeEnd(), makeEnd()]
      for (const command of script) {
        if (command.end === "client") run(client, server, command)
        else run(server, client, command)
        assert.isTrue(isPrefix(server.read, client.written) && isPrefix(client.read, server.written))
        checkWindow(client, server)
        checkWindow(server, client)
      }
      settle([client, server])
      for (const [from, to] of [
        [client, server],
        [server, client]
      ] as const) {
        assert.isTrue(isPrefix(to.read, from.written))
        const isLossless = [from, to].every(
          ({ events, stream }) =>
            stream.state !== "CLOSED" && !events.has("EndRead") && !events.has("DiscardInput") && !events.has("Abort")
        )
        if (!isLossless) continue
        assert.deepStrictEqual(to.read, from.written, "nothing is lost")
        assert.strictEqual(HalfStream.isInputOver(to.stream), !HalfStream.canWrite(from.stream))
        assert.strictEqual(HalfStream.hasPeersFin(to.stream), !HalfStream.canWrite(from.stream))
        assert.deepInclude(from.stream, { sent: from.written.length })
        assert.deepInclude(to.stream, { received: from.written.length })
      }
    },
    { arbitrary: { runs: 300 } }
  )

  it.prop(
    "lets a peer send everything to an end that closes, also if it has ended its input",
    [Script],
    ([script]) => {
      nextByte = 0
      const [client, server] = [makeEnd(), makeEnd()]
      for (const command of script) {
        if (command.end === "client") run(client, server, command)
        else run(server, client, command)
      }
      settle([client, server])
      for (const end of [client, server]) dispatch(end, { _tag: "DiscardInput" })
      settle([client, server])
      if (client.stream.state === "CLOSED" || server.stream.state === "CLOSED") return
      for (const end of [client, server]) assert.strictEqual(end.stream.send.queuedBytes, 0)
    },
    { arbitrary: { runs: 300 } }
  )

  it("withholds the window from an ended input until it is discarded", () => {
    const apply = (...events: ReadonlyArray<HalfStream.Event>) =>
      events.reduce<ReturnType<typeof HalfStream.step>>(
        ([stream], event) => HalfStream.step(stream, event),
        [HalfStream.make(windowBytes), []]
      )
    const ended: ReadonlyArray<HalfStream.Event> = [
      { _tag: "EndRead", now: 0 },
      { _tag: "Receive", bytes: new Uint8Array(windowBytes) }
    ]
    const [stream, actions] = apply(...ended)
    assert.deepStrictEqual(actions, [])
    assert.isTrue(HalfStream.isInputOver(stream))
    assert.deepInclude(stream, { received: windowBytes, withheld: windowBytes })
    const [, released] = apply(...ended, { _tag: "DiscardInput" })
    assert.deepStrictEqual(released, [{ _tag: "Ack", bytes: windowBytes }])
  })

  const Input = Schema.Struct({
    length: Schema.Int.check(Schema.isBetween({ minimum: 0, maximum: 9 })),
    chunkBytes: Schema.Int.check(Schema.isBetween({ minimum: 1, maximum: 4 })),
    dueNanos: Schema.Int.check(Schema.isBetween({ minimum: 0, maximum: 20 })),
    end: Schema.Literals(["none", "none", "none", "fin", "rst"])
  })

  it("ends the input at once when the program ends it before a queued RST is due", () => {
    const bytes = new Uint8Array(1)
    const [queued] = HalfStream.step(HalfStream.make(windowBytes), { _tag: "Receive", bytes, dueNanos: 5, end: "rst" })
    assert.isTrue(HalfStream.isInputOver(HalfStream.step(queued, { _tag: "EndRead", now: 0 })[0]))
    const [due] = HalfStream.step(queued, { _tag: "EndRead", now: 5 })
    assert.strictEqual(HalfStream.step(due, { _tag: "Read", now: 5 })[0].closeReason, "Reset")
  })

  it.prop(
    "delivers a piece when it is due, after those before it, and chunks separately",
    [Arbitrary.array(Arbitrary.schema(Input), { maxLength: 12 })],
    ([inputs]) => {
      nextByte = 0
      const end = makeEnd()
      const due: Array<readonly [byte: number, dueNanos: number]> = []
      let latest = 0
      let ended: "fin" | "rst" | undefined
      for (const { chunkBytes, dueNanos, end: given, length } of inputs) {
        const last = given === "none" ? undefined : given
        const bytes = Uint8Array.from({ length }, () => nextByte++)
        const [stream] = HalfStream.step(
          { ...end.stream, receiveWindow: 1_000 },
          {
            _tag: "Receive",
            bytes,
            chunkBytes,
            dueNanos,
            end: last
          }
        )
        end.stream = stream
        if (ended !== undefined) continue
        latest = Math.max(latest, dueNanos)
        ended = last
        for (const byte of bytes) due.push([byte, latest])
      }
      const chunk = Math.max(0, ...inputs.map(({ chunkBytes }) => chunkBytes))
      for (let now = 0; now <= 20; now++) {
        for (let before = -1; before !== end.read.length; ) {
          before = end.read.length
          const [stream, actions] = HalfStream.step(end.stream, { _tag: "Read", now })
          end.stream = stream
          for (const action of actions) if (action._tag === "Deliver") end.read.push(...action.bytes)
          // A piece joins the last one of the input before it, but no chunk joins another of its input.
          if (inputs.length === 1) assert.isAtMost(end.read.length - before, chunk)
        }
        assert.deepStrictEqual(
          end.read,
          due.filter(([, time]) => time <= now).map(([byte]) => byte)
        )
      }
      assert.strictEqual(end.stream.state === "CLOSED", ended === "rst")
      assert.strictEqual(HalfStream.isInputOver(end.stream), ended === "fin")
    }
  )

  const states = (...events: ReadonlyArray<HalfStream.Event>) => {
    let stream = HalfStream.make(windowBytes)
    return events.map((event) => {
      stream = HalfStream.step(stream, event)[0]
      return stream.state
    })
  }
  const end: HalfStream.Event = { _tag: "End" }
  const fin: HalfStream.Event = { _tag: "Receive", bytes: new Uint8Array(0), end: "fin" }

  it("enters the states of RFC 9293 with either FIN first", () => {
    assert.deepStrictEqual(states(end, end, fin, fin), ["FIN_WAIT", "FIN_WAIT", "LAST_ACK", "LAST_ACK"])
    assert.deepStrictEqual(states(fin, fin, end, end), ["CLOSE_WAIT", "CLOSE_WAIT", "LAST_ACK", "LAST_ACK"])
    assert.deepStrictEqual(states(fin, { _tag: "Reset" }, end, fin), ["CLOSE_WAIT", "CLOSED", "CLOSED", "CLOSED"])
  })

  it("announces the window after half of it has been read", () => {
    let stream = HalfStream.make(windowBytes)
    const read = (length: number) => {
      stream = HalfStream.step(stream, { _tag: "Receive", bytes: new Uint8Array(length) })[0]
      const [next, actions] = HalfStream.step(stream, { _tag: "Read", now: 0 })
      stream = next
      return actions.filter(({ _tag }) => _tag === "Ack")
    }
    assert.deepStrictEqual(read(windowBytes / 2 - 1), [])
    assert.deepStrictEqual(read(2), [{ _tag: "Ack", bytes: windowBytes / 2 + 1 }])
    assert.deepStrictEqual(read(1), [])
  })

  it("discards what was not sent at every close, and what was not read only if the program aborts", () => {
    const [written] = HalfStream.step(HalfStream.make(windowBytes), { _tag: "Write", bytes: new Uint8Array(3) })
    const [full] = HalfStream.step(written, { _tag: "Receive", bytes: new Uint8Array(5) })
    const left = (event: HalfStream.Event) => {
      const [{ receive, send }] = HalfStream.step(full, event)
      return [send.queuedBytes, receive.queuedBytes]
    }
    assert.deepStrictEqual(left({ _tag: "Reset" }), [0, 5])
    assert.deepStrictEqual(left({ _tag: "TimeOut" }), [0, 5])
    assert.deepStrictEqual(left({ _tag: "Abort" }), [0, 0])
    assert.deepStrictEqual(left({ _tag: "Close" }), [0, 5])
  })

  it("keeps data and FIN that arrived before RST, until the program aborts", () => {
    const reads = (...events: ReadonlyArray<HalfStream.Event>) => {
      let stream = HalfStream.make(windowBytes)
      for (const event of events) stream = HalfStream.step(stream, event)[0]
      const [rest, actions] = HalfStream.step(stream, { _tag: "Read", now: 0 })
      const bytes = actions.flatMap((action) => (action._tag === "Deliver" ? [...action.bytes] : []))
      return [...bytes, HalfStream.isInputOver(rest) ? "Done" : rest.closeReason]
    }
    const data: HalfStream.Event = { _tag: "Receive", bytes: Uint8Array.of(7) }
    const rst: HalfStream.Event = { _tag: "Reset" }
    assert.deepStrictEqual(reads(data, rst), [7, "Reset"])
    assert.deepStrictEqual(reads(data, fin, rst), [7, "Done"])
    assert.deepStrictEqual(reads(fin, rst), ["Done"])
    assert.deepStrictEqual(reads(data, { _tag: "Read", now: 0 }, fin, { _tag: "Abort" }), ["Done"])
    assert.deepStrictEqual(reads(data, fin, { _tag: "Abort" }), ["Closed"])
    assert.deepStrictEqual(reads(rst, { _tag: "EndRead", now: 0 }), ["Reset"])
    assert.deepStrictEqual(reads({ ...data, dueNanos: 5 }, fin, rst), ["Reset"])
    assert.deepStrictEqual(reads({ ...data, end: "rst" }, rst), [7, "Reset"])
  })

  it("drops the output that the peer does not take in time, and ends it by FIN", () => {
    const [written] = HalfStream.step(HalfStream.make(2), { _tag: "Write", bytes: Uint8Array.of(1, 2, 3) })
    const [sent] = HalfStream.step(written, { _tag: "Transmit", maxBytes: 9, now: 0 })
    const [ended] = HalfStream.step(sent, end)
    const [dropped] = HalfStream.step(ended, { _tag: "DiscardOutput" })
    assert.deepStrictEqual(HalfStream.step(dropped, { _tag: "Transmit", maxBytes: 9, now: 0 })[1], [{ _tag: "Fin" }])
  })

  it("announces the growth of its window with what has been read", () => {
    const [grown, actions] = HalfStream.step(HalfStream.make(windowBytes), { _tag: "GrowWindow", bytes: 40 })
    assert.deepStrictEqual(actions, [{ _tag: "Ack", bytes: 40 - windowBytes }])
    assert.deepStrictEqual(HalfStream.step(grown, { _tag: "GrowWindow", bytes: 20 })[0], grown, "it never shrinks")
  })

  it("keeps the first reason for which it was closed", () => {
    const [closed] = HalfStream.step(HalfStream.make(windowBytes), { _tag: "Abort" })
    assert.strictEqual(HalfStream.step(closed, { _tag: "Reset" })[0].closeReason, "Closed")
    assert.strictEqual(HalfStream.step(HalfStream.make(windowBytes), { _tag: "Reset" })[0].closeReason, "Reset")
  })
})
