/**
 * Generates fault plans for tests: few rules, small numbers, and a random subset of the actions in each plan.
 *
 * The subset (swarm testing) lets one plan show what a fault of another plan hides. No fault begins after
 * `faultPeriod`, except that of an nth packet which is sent later, and no fault lasts longer than `maxDuration`; the
 * network is healthy afterwards.
 */
import * as Arbitrary from "effect/Arbitrary"
import * as Duration from "effect/Duration"
import * as Schema from "effect/Schema"
import * as SchemaGetter from "effect/SchemaGetter"
import * as FaultPlan from "./FaultPlan.ts"
import * as FaultRandom from "./FaultRandom.ts"
import * as FaultShrink from "./FaultShrink.ts"

/** Contents of generated plans. @category models @since 0.1.0 */
export interface Options {
  /** Hosts between which faults can be. Default: rules apply to all packets. */
  readonly hosts?: ReadonlyArray<string> | undefined
  /** Hosts that can pause, crash and restart. Default: none. */
  readonly faultyHosts?: ReadonlyArray<string> | undefined
  /** Transport of the generated packet rules. Default: both. */
  readonly transport?: "udp" | "tcp" | undefined
  /** Kinds of payloads for rules with `kind=`. Default: none. */
  readonly kinds?: ReadonlyArray<string> | undefined
  /** Period from the start of the run in which all windows lie. Default 10 seconds. */
  readonly faultPeriod?: Duration.Input | undefined
  /** Maximum duration of delays and stalls. Default: a tenth of `faultPeriod`. */
  readonly maxDuration?: Duration.Input | undefined
  /** Maximum number of rules, at least 1. Default 4. */
  readonly maxRules?: number | undefined
}

const nanosPerMilli = 1_000_000
const millis = (input: Duration.Input) => Math.max(1, Math.floor(Duration.toMillis(input)))

const drawsFrom = (random: () => number) => ({
  upTo: (n: number) => 1 + Math.floor(random() * n),
  /** Draws a number from 1 to `n`, mostly small. */
  mostlySmall: (n: number) => 1 + Math.floor(random() ** 3 * n),
  withProbability: (part: number) => random() < part,
  pick: <A>(all: ReadonlyArray<A>): A => all[Math.floor(random() * all.length)]!
})

/** Generates the plan of a seed. @category constructors @since 0.1.0 */
export const generate = (seed: FaultRandom.Seed, options: Options = {}): FaultPlan.FaultPlan => {
  const { kinds = [], maxRules = 4, faultyHosts = [], transport } = options
  const hosts = [...new Set(options.hosts)]
  const periodMillis = millis(options.faultPeriod ?? "10 seconds")
  const maxMillis = millis(options.maxDuration ?? periodMillis / 10)
  const random = FaultRandom.sequence(seed)
  const { mostlySmall, pick, upTo, withProbability } = drawsFrom(random)

  const range = (): FaultPlan.Range => {
    const from = mostlySmall(maxMillis)
    return {
      from: from * nanosPerMilli,
      to: (withProbability(0.5) ? from : from + Math.floor(random() * (maxMillis - from))) * nanosPerMilli
    }
  }
  const window = () => {
    const from = withProbability(0.3) ? 0 : Math.floor(random() * periodMillis)
    return { from: from * nanosPerMilli, to: (from + upTo(periodMillis - from)) * nanosPerMilli }
  }
  const endpoint = (host: string): FaultPlan.EndpointPattern => ({ host })
  const pair = (both: number): FaultPlan.Pair => {
    const from = pick(hosts)
    const to = pick(hosts.filter((host) => host !== from))
    return { from: endpoint(from), to: endpoint(to), both: withProbability(both) }
  }
  const matching = () => {
    const from = mostlySmall(20)
    const some = withProbability(0.65)
      ? { nth: { from, to: from + (withProbability(0.8) ? 0 : mostlySmall(4)) } }
      : { percent: pick([5, 10, 20, 50]), window: window() }
    return {
      ...some,
      ...(hosts.length > 1 && withProbability(0.5) ? { pair: pair(0.3) } : {}),
      ...(kinds.length > 0 && withProbability(0.4) ? { kind: pick(kinds) } : {})
    }
  }
  const hostInterval = () => {
    const { from: at, to: until } = window()
    return { host: pick(faultyHosts), at, until }
  }

  const make: { readonly [A in FaultPlan.Action]?: () => Extract<FaultPlan.Rule, { readonly action: A }> } = {
    drop: () => ({ action: "drop", ...matching() }),
    dup: () => ({
      action: "dup",
      copies: mostlySmall(3),
      after: withProbability(0.5) ? { from: 0, to: 0 } : range(),
      ...matching()
    }),
    reorder: () => ({ action: "reorder", by: mostlySmall(4), within: range(), ...matching() }),
    corrupt: () => ({
      action: "corrupt",
      ...(withProbability(0.5) ? { bit: mostlySmall(64) - 1 } : {}),
      ...matching()
    }),
    truncate: () => ({
      action: "truncate",
      ...(withProbability(0.5) ? { bytes: mostlySmall(16) - 1 } : {}),
      ...matching()
    }),
    delay: () => ({ action: "delay", by: range(), ...(transport === undefined ? {} : { transport }), ...matching() }),
    stall: () => ({ action: "stall", for: range(), ...matching() }),
    chunk: () => ({ action: "chunk", bytes: mostlySmall(16), ...matching() }),
    reset: () => ({ action: "reset", after: mostlySmall(64) - 1, ...matching() }),
    cut: () => ({ action: "cut", after: mostlySmall(64) - 1, ...matching() }),
    ...(hosts.length > 1 ? { partition: () => ({ action: "partition", pair: pair(0.7), window: window() }) } : {}),
    ...(faultyHosts.length > 0
      ? { pause: () => ({ action: "pause", ...hostInterval() }), crash: () => ({ action: "crash", ...hostInterval() }) }
      : {})
  }
  const isPossible = (action: FaultPlan.Action) =>
    transport === undefined ||
    FaultPlan.actions[transport].some((one) => one === action) ||
    ["partition", "pause", "crash"].includes(action)
  const possible = (Object.keys(make) as ReadonlyArray<FaultPlan.Action>).filter(isPossible)
  const chosen = possible.filter(() => withProbability(0.5))
  const swarm = chosen.length === 0 ? [pick(possible)] : chosen
  return Array.from({ length: mostlySmall(maxRules) }, () => make[pick(swarm)]!())
}

/**
 * Creates an arbitrary of plans, one for each seed; failing plans are shrunk by `FaultShrink.shrink`.
 *
 * @category constructors
 * @since 0.1.0
 */
export const make = (options: Options = {}): Arbitrary.Arbitrary<FaultPlan.FaultPlan> => {
  const seeds = Schema.Int.check(Schema.isBetween({ minimum: 0, maximum: 2 ** 32 - 1 }))
  const plans = Schema.declare(Schema.is(FaultPlan.FaultPlan), {
    toCodecArbitrary: () =>
      Schema.link<FaultPlan.FaultPlan>()(seeds, {
        decode: SchemaGetter.transform((seed: number) => generate(seed, options)),
        encode: SchemaGetter.forbiddenEncoding
      })
  })
  return Arbitrary.schema(plans, { shrink: (plan) => Array.from(FaultShrink.shrink(plan)) })
}
