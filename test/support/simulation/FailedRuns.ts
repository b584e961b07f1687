/** Made-up failed runs for the page of a failure: with all kinds of events, hostile texts, or many packets. */
import type * as Packet from "../../../src/network/Packet.ts"
import * as EventLog from "../../../src/simulation/check/EventLog.ts"
import type { FailedRun } from "../../../src/simulation/explain/FailedRun.ts"
import * as FaultPlanSyntax from "../../../src/simulation/faults/FaultPlanSyntax.ts"
import type * as Recording from "../../../src/simulation/Recording.ts"
import * as MadeUpState from "../browser/MadeUpState.ts"

const encoder = new TextEncoder()

const addresses: Readonly<Record<string, string>> = { client: "10.0.0.1", primary: "10.0.0.2", backup: "10.0.0.3" }

/** Hosts of the runs. */
const hosts = Object.entries(addresses).map(([name, address]) => ({ name, addresses: [address] }))

/** Milliseconds as nanoseconds. */
const millis = (time: number) => time * 1e6

/** A datagram of a protocol whose messages are texts. */
const packet = (
  at: number,
  from: string,
  to: string,
  text: string,
  more: Partial<Packet.ObservedPacket> = {}
): Recording.PacketEvent => ({
  _tag: "Packet",
  at,
  packet: {
    ...{ transport: "udp", kind: "datagram", at: BigInt(at), arrives: BigInt(at + millis(0.5)), host: from },
    from: { address: addresses[from]!, port: 4_000 },
    to: { address: addresses[to]!, port: 4_000 },
    bytes: encoder.encode(text),
    ...more
  }
})

const log = (at: number, host: string | undefined, level: string, message: string): Recording.Event => ({
  ...{ _tag: "Log", at, host, level, message }
})

/** A state as canonical JSON. */
const state = (at: number, host: string | undefined, label: string, value: unknown): Recording.Event => ({
  ...{ _tag: "Digest", at, host, label, bytes: encoder.encode(JSON.stringify(value)) }
})

const disk = (at: number, host: string, operation: string, bytes: number, fault?: string): Recording.Event => ({
  ...{ _tag: "Disk", at, host, operation, path: "/data/journal", bytes, fault }
})

const lost = { fault: "drop", lost: true, arrives: undefined }

/** A write that the primary acknowledges, though the backup does not have it. */
const failing = (isFaulty: boolean): ReadonlyArray<Recording.Event> => [
  ...hosts.map(({ name }): Recording.Event => ({ _tag: "Host", at: 0, host: name, event: "start", detail: "" })),
  state(0, "primary", "store", { term: 1, entries: [] }),
  state(0, "backup", "store", { term: 1, entries: [] }),
  packet(millis(1), "client", "primary", "PUT x=1"),
  disk(millis(1.5), "primary", "write", 12),
  disk(millis(1.6), "primary", "sync", 0, isFaulty ? "EIO" : undefined),
  packet(millis(2), "primary", "backup", "COPY x=1", isFaulty ? lost : {}),
  state(millis(2), "primary", "store", { term: 1, entries: ["x=1"] }),
  ...(isFaulty ? [] : [state(millis(2.5), "backup", "store", { term: 1, entries: ["x=1"] })]),
  packet(millis(3), "primary", "client", "OK"),
  log(millis(3.5), "client", "Info", "x=1 is stored"),
  ...(isFaulty
    ? ([
        { _tag: "Host", at: millis(4), host: "primary", event: "crash", detail: "" },
        disk(millis(4), "primary", "lost", 12),
        { _tag: "Link", at: millis(5), event: "partition", detail: "primary|backup" },
        { _tag: "Switch", at: millis(5.5), point: "2.7", choice: 1, fiber: "backup/3", step: "Election.start" }
      ] satisfies ReadonlyArray<Recording.Event>)
    : []),
  packet(millis(6), "client", "backup", "GET x"),
  state(millis(6.5), "backup", "store", isFaulty ? { term: 2, entries: [] } : { term: 1, entries: ["x=1"] }),
  packet(millis(7), "backup", "client", isFaulty ? "NONE" : "x=1"),
  ...(isFaulty ? [log(millis(7.5), "client", "Error", "x is lost\n  stored at 0.0035 s\n  read at 0.0075 s")] : []),
  { _tag: "Reached", at: millis(7.5), label: "read after a write" }
]

/** A failed run with all kinds of events, beside the one without faults. */
export const failed: FailedRun = {
  seed: 7,
  hosts,
  plan: FaultPlanSyntax.parseUnsafe("partition=client|backup@3.9ms..5.9ms"),
  endNanos: millis(8),
  events: failing(true),
  omittedEvents: 0,
  faultless: { events: failing(false), omittedEvents: 0, endNanos: millis(8), ending: "passes" },
  dissectors: [
    {
      name: "store",
      dissect: ({ bytes }) => {
        const text = new TextDecoder().decode(bytes)
        return { kind: text.split(" ")[0]!, summary: text }
      }
    }
  ],
  ending: "x=1 was acknowledged, and is lost",
  reason: "x=1 was acknowledged, and is lost",
  input: '["put x=1","get x"]',
  command: "SIM_SEED=7 SIM_PLAN='partition=client|backup@3.9ms..5.9ms' npx vitest run test/Store.test.ts -t store"
}

/** The same run with texts that harm a page which takes them for markup. */
export const hostile: FailedRun = {
  ...failed,
  dissectors: [],
  events: MadeUpState.hostileNames.flatMap((name, at) => [
    packet(millis(at), "client", "backup", name, { fault: name }),
    log(millis(at), name, name, `${name}\n${name}`),
    state(millis(at), name, name, { [name]: name }),
    { ...disk(millis(at), "backup", name, 5, name), path: name } as Recording.Event,
    { _tag: "Host", at: millis(at), host: name, event: "crash", detail: name },
    { _tag: "Switch", at: millis(at), point: "1.2", choice: 1, fiber: name, step: name },
    { _tag: "Reached", at: millis(at), label: name }
  ]),
  hosts: [...hosts, ...MadeUpState.hostileNames.map((name) => ({ name, addresses: [] }))],
  reason: MadeUpState.hostileNames.join("\n"),
  ending: MadeUpState.hostileNames[0]!,
  input: MadeUpState.hostileNames.join(" "),
  command: MadeUpState.hostileNames.join(" "),
  faultless: { events: failing(false), omittedEvents: 0, endNanos: millis(8), ending: MadeUpState.hostileNames[1]! }
}

/** A run of many packets, with a fault at its start, as a check records it. */
export const long = (packets: number, bytes = 100): FailedRun => {
  const record = (isFaulty: boolean) => {
    const recorded = EventLog.make()
    const text = "x".repeat(bytes)
    for (let n = 0; n < packets; n++) {
      const more = isFaulty && n === 3 ? lost : {}
      recorded.record(
        packet(n * 10_000, n % 2 === 0 ? "client" : "backup", n % 2 === 0 ? "backup" : "client", `${n} ${text}`, more)
      )
    }
    return { events: recorded.events(), omittedEvents: recorded.omitted() }
  }
  const endNanos = packets * 10_000
  return { ...failed, plan: [], endNanos, ...record(true), faultless: { ...record(false), endNanos, ending: "passes" } }
}
