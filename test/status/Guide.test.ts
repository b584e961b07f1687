/** Recomputes the packets and tables of the documents, and runs the guide's program. */
import * as Crypto from "node:crypto"
import * as Fs from "node:fs"
import { assert, it } from "@effect/vitest"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Logger from "effect/Logger"
import * as Result from "effect/Result"
import * as Schema from "effect/Schema"
import * as Stream from "effect/Stream"
import * as FaultPlanSyntax from "../../src/simulation/faults/FaultPlanSyntax.ts"
import { StatusPeer } from "../../src/status/index.ts"
import * as PeerTable from "../../src/status/membership/PeerTable.ts"
import * as Suspicion from "../../src/status/membership/Suspicion.ts"
import type * as HeartbeatReceiver from "../../src/status/wire/HeartbeatReceiver.ts"
import * as RelayMessage from "../../src/status/wire/RelayMessage.ts"
import * as StatusPacket from "../../src/status/wire/StatusPacket.ts"
import * as Simulated from "../support/Simulated.ts"

const Load = Schema.Struct({ jobs: Schema.Int })

class Presence extends Context.Service<Presence, StatusPeer.StatusPeer<typeof Load.Type>>()("app/Presence") {}

const presence = (name: string) => StatusPeer.layer(Presence, { name, schema: Load, payload: { jobs: 0 } })

const idlest = Effect.gen(function* () {
  const { peers } = yield* Presence
  const alive = (yield* peers.get).filter(({ payload, state }) => state === "alive" && payload)
  return alive.sort((one, other) => one.payload!.jobs - other.payload!.jobs)[0]
})

const work = Effect.fnUntraced(function* (jobs: number) {
  const status = yield* Presence
  yield* status.publish({ jobs })
})

const log = Effect.gen(function* () {
  const { events } = yield* Presence
  yield* Stream.runForEach(events, ({ _tag, peer }) => Effect.logInfo(_tag, peer.name, peer.payload))
})

const document = (path: string) => Fs.readFileSync(new URL(`../../docs/${path}`, import.meta.url), "utf8")

const guide = document("guide/status.md")
const wireFormat = document("reference/status-wire-format.md")
const relay = document("reference/relay.md")

it("the guide's program is the one in this file", () => {
  const [, code] = /```ts\n(.*?)```/s.exec(guide)!
  assert.include(Fs.readFileSync(new URL(import.meta.url), "utf8"), code!.slice(code!.indexOf("const Load")))
})

it.effect("the guide's program finds the idlest peer, and logs the changes", () =>
  Effect.gen(function* () {
    const logged: Array<unknown> = []
    const logger = Logger.layer([Logger.make(({ message }) => logged.push(message))])
    yield* Simulated.run(({ host }) =>
      Effect.gen(function* () {
        const [one, other] = [yield* host("a"), yield* host("b")]
        yield* one.start(
          Effect.gen(function* () {
            yield* Effect.forkChild(Effect.provide(log, logger), { startImmediately: true })
            yield* Effect.sleep("1 second")
            yield* work(3)
            yield* Effect.sleep("2 seconds")
            assert.deepInclude(yield* idlest, { name: "b", payload: { jobs: 1 } })
            yield* Effect.never
          }).pipe(Effect.provide(presence("a")))
        )
        yield* other.run(Effect.provide(Effect.andThen(work(1), Effect.sleep("5 seconds")), presence("b")))
        yield* Effect.sleep("1 second")
      })
    )
    const happened = logged as ReadonlyArray<readonly [string, string, unknown]>
    assert.deepStrictEqual(
      happened.filter(([, name]) => name === "b").map(([tag, , payload]) => [tag, payload]),
      [
        ["Joined", { jobs: 0 }],
        ["Updated", { jobs: 1 }],
        ["Left", { jobs: 1 }]
      ]
    )
  })
)

const [, dump] = /```\n( 0 {2}00 45.*?)```/s.exec(wireFormat)!

/** Lines of the dump: offset, bytes and description. */
const lines = dump!
  .trimEnd()
  .split("\n")
  .map((line) => {
    const [, offset, hex, text] = /^ ?(\d+) {2}((?:[0-9a-f]{2} ?)+) *(.*)$/.exec(line)!
    return { offset: Number(offset), bytes: Buffer.from(hex!.replaceAll(" ", ""), "hex"), text: text! }
  })

const bytes = Buffer.concat(lines.map(({ bytes }) => bytes))

it("the dump of the wire format decodes to its description", () => {
  const { packet, signed } = Result.getOrThrow(StatusPacket.decode(bytes))
  const { cluster, id, incarnation, interval, name, payload, sequence, time } = packet
  assert.deepStrictEqual(
    lines.map(({ text }) => text),
    [
      ...["magic", `version ${StatusPacket.version}`, "signed", "reserved", `id ${id}`],
      ...[`incarnation ${incarnation}`, `sequence ${sequence}`, `interval ${interval}`, `time ${time}`],
      ...[`${cluster.length} bytes`, `cluster ${cluster}`, `${name.length} bytes`, `name ${name}`],
      ...[`${payload.length} bytes`, `payload ${Buffer.from(payload)}`, "signature", ""]
    ]
  )
  const [, key] = /signed with the key `(\w+)`/.exec(wireFormat)!
  assert.deepStrictEqual(Buffer.from(signed!.tag), Crypto.createHmac("sha256", key!).update(signed!.covered).digest())
  const { bytes: again, covered } = Result.getOrThrow(StatusPacket.encode(packet, true))
  again.set(signed!.tag, covered)
  assert.deepStrictEqual(Buffer.from(again), bytes)
})

/** Offsets and sizes of the fields in the tables of a document, one list for each table. */
const fieldsOf = (text: string, lengths: Readonly<Record<string, number>> = {}) =>
  Array.from(text.matchAll(/(?:^\| [\d cnp+]+ \| (?:\d+|[cnp]) \| .*\n)+/gm), ([table]) =>
    Array.from(table.matchAll(/^\| ([\d cnp+]+) \| (\d+|[cnp]) \| /gm), ([, offset, size]) => ({
      offset: offset!.split(" + ").reduce((sum, one) => sum + (Number(one) || (lengths[one] ?? 0)), 0),
      size: Number(size) || (lengths[size!] ?? 0)
    }))
  )

/** Asserts that fields follow each other without gaps, and returns the end of the last one. */
const endOf = (fields: ReadonlyArray<{ readonly offset: number; readonly size: number }>) => {
  let end = 0
  for (const { offset, size } of fields) {
    assert.strictEqual(offset, end)
    end += size
  }
  return end
}

it("the relay reference documents the messages of the code", () => {
  const { control, cookie, forwarded } = RelayMessage.sizeBytes
  const magic = RelayMessage.forwardedHeader({ address: "192.0.2.1", port: 1 }).subarray(0, 4)
  const hex = Buffer.from(magic)
    .toString("hex")
    .replaceAll(/..(?=.)/g, "$& ")
  assert.include(relay, `begin with ${hex}, EIR, and have ${control} bytes`)
  assert.include(relay, `| 12 | ${cookie} | cookie |`)
  assert.include(relay, `header of ${forwarded} bytes`)
  const tables = fieldsOf(relay)
  assert.deepStrictEqual(tables.map(endOf), [control, forwarded])
  for (const [at, _tag] of (["Subscribe", "Challenge", "Granted", "Full", "Leave"] as const).entries()) {
    assert.strictEqual(RelayMessage.encode({ _tag, lease: 0, cookie: RelayMessage.zeroCookie })[5], at + 1)
    assert.include(relay, `| ${at + 1} | \`${_tag}\` |`)
  }
})

it("the offsets of the wire format are those of its dump", () => {
  let at = 0
  for (const { bytes, offset } of lines) {
    assert.strictEqual(offset, at)
    at += bytes.length
  }
  const [c, n, p] = [bytes[40]!, bytes[44]!, bytes[50]!]
  const [fields] = fieldsOf(wireFormat, { c, n, p })
  assert.lengthOf(fields!, 16)
  assert.strictEqual(endOf(fields!), bytes.length)
})

it("the guide's detection times are those of the table", () => {
  const rows = Array.from(guide.matchAll(/^\| (\d+) % \| (\d+) intervals \|$/gm), ([, loss, after]) => [loss, after])
  assert.isAbove(rows.length, 5)
  const { thresholds } = PeerTable.make({ decode: () => Result.fail("") }, 0).settings
  for (const [loss, after] of rows) {
    const rate = Number(loss) / 100
    const lost = (seen: number) => ({ expected: seen, lost: seen * rate, lossBursts: seen * rate * (1 - rate) })
    const record = (seen: number) => ({ ...Suspicion.empty, ...lost(seen) })
    assert.strictEqual(Suspicion.missesUntilDown(record(200), record(2_000), thresholds), Number(after), `${loss} %`)
  }
  assert.include(guide, `never more than ${thresholds.maxMissed} intervals`)
  assert.include(guide, `| \`suspect\` | several packets in a row are missing | ${thresholds.suspectAfter} intervals `)
  assert.include(guide, `| \`down\` | too many are missing | ${thresholds.downAfter} intervals `)
})

it("the guide's fault plan parses", () => {
  const plans = Array.from(guide.matchAll(/--faults '([^']*)'/g), ([, plan]) => FaultPlanSyntax.parseUnsafe(plan!))
  assert.lengthOf(plans, 1)
})

it("the guide's limits are those of the code", () => {
  const number = (value: number) => value.toLocaleString("en")
  const { limits } = StatusPacket
  const { forgetAfter, maxPeers } = PeerTable.make({ decode: () => Result.fail("") }, 0).settings
  for (const text of [
    `| packet | ${number(limits.packetBytes)} bytes`,
    `| payload | ${number(limits.payloadBytes)} bytes`,
    `| name | 1 to ${limits.nameBytes} bytes`,
    `| interval | ${limits.intervalMillis.min} ms to one hour`,
    `| peers of a table | ${number(maxPeers)} `,
    `${forgetAfter} intervals after it was down`
  ]) {
    assert.include(guide, text)
  }
})

it("the guide names every reason for a rejected datagram", () => {
  const reasons: Record<HeartbeatReceiver.Rejection, true> = {
    ...{ BadMagic: true, Version: true, Truncated: true, Oversized: true, Name: true, Id: true, Number: true },
    ...{
      Interval: true,
      Flags: true,
      OtherCluster: true,
      Unsigned: true,
      BadSignature: true,
      Expired: true,
      Future: true
    },
    QueueFull: true
  }
  for (const reason of Object.keys(reasons)) assert.include(guide, `\`${reason}\``)
})
