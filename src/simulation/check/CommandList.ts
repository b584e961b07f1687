/** Arbitrary of the commands of all clients, with the pauses before them. */
import * as Arbitrary from "effect/Arbitrary"
import * as Schema from "effect/Schema"
import type * as FastCheckRandom from "./FastCheckRandom.ts"
import type * as Inputs from "./Inputs.ts"

/** A command, the index of the client that performs it, and the pause of the client before it, if there is one. */
type Item<Op> = readonly [client: number, command: Op, pauseMillis?: number]

/** Commands of all clients; those of one client are performed in this order. */
export type CommandList<Op> = ReadonlyArray<Item<Op>>

/** Bounds of the lists. */
export interface Bounds {
  readonly clients: number
  readonly maxCommands: number
  readonly maxPauseMillis: number
}

interface Part<Op> {
  readonly client: number
  readonly command: Inputs.FastCheckValue<Op>
  readonly pauseMillis: number
}

/** Returns a pause from a number up to twice the maximum: half of the commands follow at once. */
const pauseFrom = (drawn: number, { maxPauseMillis }: Bounds) => Math.max(0, drawn - Math.floor(maxPauseMillis))

const itemOf = <Op>(client: number, command: Op, pauseMillis: number): Item<Op> =>
  pauseMillis === 0 ? [client, command] : [client, command, pauseMillis]

const listOf = <Op>(parts: ReadonlyArray<Part<Op>>): Inputs.FastCheckValue<CommandList<Op>> => ({
  value: parts.map(({ client, command, pauseMillis }) => itemOf(client, command.value, pauseMillis)),
  context: parts
})

/** Returns shorter lists, then lists with an earlier client, a shorter pause or a simpler command. */
const shrinks = function* <Op>(
  arbitrary: Inputs.FastCheckArbitrary<Op>,
  parts: ReadonlyArray<Part<Op>>
): Iterable<Inputs.FastCheckValue<CommandList<Op>>> {
  for (let size = parts.length - 1; size >= 1; size = Math.floor(size / 2)) {
    for (let at = 0; at < parts.length; at += size) yield listOf(parts.toSpliced(at, size))
  }
  const shrink = arbitrary.shrink.bind(arbitrary) as (
    value: Op,
    context: unknown
  ) => Iterable<Inputs.FastCheckValue<Op>>
  for (const [at, part] of parts.entries()) {
    for (let client = 0; client < part.client; client++) yield listOf(parts.with(at, { ...part, client }))
    for (const pauseMillis of new Set([0, Math.floor(part.pauseMillis / 2)])) {
      if (pauseMillis < part.pauseMillis) yield listOf(parts.with(at, { ...part, pauseMillis }))
    }
    for (const command of shrink(part.command.value, part.command.context)) {
      yield listOf(parts.with(at, { ...part, command }))
    }
  }
}

/** Creates an arbitrary of lists from an arbitrary of fast-check. */
const fastCheckList = <Op>(
  arbitrary: Inputs.FastCheckArbitrary<Op>,
  bounds: Bounds
): Inputs.FastCheckArbitrary<CommandList<Op>> => ({
  generate: (given: never, biasFactor) => {
    const random = given as FastCheckRandom.FastCheckRandom
    const generate = arbitrary.generate.bind(arbitrary) as (
      random: unknown,
      bias: number | undefined
    ) => Inputs.FastCheckValue<Op>
    const { clients, maxCommands, maxPauseMillis } = bounds
    const parts = Array.from({ length: random.nextInt(1, maxCommands) }, () => ({
      client: random.nextInt(0, clients - 1),
      pauseMillis: pauseFrom(random.nextInt(0, 2 * maxPauseMillis), bounds),
      command: generate(random, biasFactor)
    }))
    return listOf(parts)
  },
  shrink: (_: never, context) => shrinks(arbitrary, context as ReadonlyArray<Part<Op>>)
})

/** Creates an arbitrary of lists of 1 to `maxCommands` commands. */
export const make = <Op>(commands: Inputs.Inputs<Op>, bounds: Bounds): Inputs.Inputs<CommandList<Op>> => {
  if (!Arbitrary.isArbitrary(commands)) return fastCheckList(commands, bounds)
  const upTo = (maximum: number) => Arbitrary.schema(Schema.Int.check(Schema.isBetween({ minimum: 0, maximum })))
  const item = Arbitrary.map(
    Arbitrary.all([
      upTo(bounds.clients - 1),
      commands as Arbitrary.Arbitrary<Op>,
      upTo(2 * Math.floor(bounds.maxPauseMillis))
    ]),
    ([client, command, drawn]) => itemOf(client, command, pauseFrom(drawn, bounds))
  )
  return Arbitrary.array(item, { minLength: 1, maxLength: bounds.maxCommands })
}
