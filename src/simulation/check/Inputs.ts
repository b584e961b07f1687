/**
 * Inputs of scenarios, generated from the seed of a run by an arbitrary of effect or of fast-check.
 *
 * A failing input is shrunk along the tree of simpler values.
 *
 * A position in that tree is a path: the index of the child that was taken at each level. With the seed, it identifies
 * an input of any type.
 */
import * as Arbitrary from "effect/Arbitrary"
import * as Effect from "effect/Effect"
import * as FaultRandom from "../faults/FaultRandom.ts"
import * as CanonicalText from "./CanonicalText.ts"
import * as FastCheckRandom from "./FastCheckRandom.ts"

/** An arbitrary of fast-check, as far as it is used here. */
export interface FastCheckArbitrary<out A> {
  readonly generate: (random: never, biasFactor: number | undefined) => FastCheckValue<A>
  readonly shrink: (value: never, context: unknown) => Iterable<FastCheckValue<A>>
}

/** A value of an arbitrary of fast-check, with what it needs to shrink the value. */
export interface FastCheckValue<out A> {
  readonly value: A
  readonly context?: unknown
}

/** Source of inputs: an arbitrary of effect or of fast-check. */
export type Inputs<A> = Arbitrary.Arbitrary<A> | FastCheckArbitrary<A>

/** Position in the tree of simpler values; empty for the generated value. */
type Path = ReadonlyArray<number>

/** An input with its position. */
export interface Input<A> {
  readonly value: A
  /** Undefined for an input that was not generated. */
  readonly path: Path | undefined
}

/** Largest size of generated values; the seeds of a check use all sizes up to it. */
const maxSizeValue = 20

/** Maximum number of simpler inputs that are tried. */
const maxShrinks = 1_000

/** Returns the size of the input of a seed: a tenth of the inputs are small, and sizes are distributed evenly. */
const sizeOf = (seed: number) => FaultRandom.hash(`size ${seed}`) % (maxSizeValue + 1)

/** Generator and shrinker of inputs. */
export interface Source<A> {
  /** Returns the input at a position; undefined if there is none. */
  readonly at: (seed: number, path: Path) => Effect.Effect<A | undefined>
  /** Descends from a position to the first simpler input that fails, as often as there is one. */
  readonly shrink: <R>(
    seed: number,
    path: Path,
    fails: (value: A) => Effect.Effect<boolean, never, R>
  ) => Effect.Effect<Path, never, R>
}

/**
 * Creates a source from an arbitrary of effect.
 *
 * Its only public descent is that of `checkEffect`: the property answers along the path without a run, and then runs
 * the scenario.
 */
const effectSource = <A>(arbitrary: Arbitrary.Arbitrary<A>): Source<A> => {
  const descend = <R>(seed: number, path: Path, fails: (value: A) => Effect.Effect<boolean, never, R>, most: number) =>
    Effect.suspend(() => {
      let level = -1
      let sibling = 0
      let last: A | undefined
      const property = (value: A): boolean | Effect.Effect<boolean, never, R> => {
        if (level >= path.length) return Effect.map(fails(value), (isFailing) => !isFailing)
        if (level >= 0 && sibling++ < path[level]!) return true
        level++
        sibling = 0
        last = value
        return false
      }
      // Candidates that the arbitrary rejects take part in the budget, but are not siblings on the path.
      const onPath = path.reduce((sum, index) => sum + 50 * (index + 1), 0)
      return Effect.map(
        Arbitrary.checkEffect(arbitrary, property, { seed, runs: 1, size: sizeOf(seed), maxShrinks: onPath + most }),
        (result) => ({
          value: level === path.length ? last : undefined,
          path: result._tag === "Falsified" ? pathOf(result.replay) : path
        })
      )
    })
  return {
    at: (seed, path) =>
      Effect.map(
        descend(seed, path, () => Effect.succeed(false), 0),
        ({ value }) => value
      ),
    shrink: (seed, path, fails) => Effect.map(descend(seed, path, fails, maxShrinks), (found) => found.path)
  }
}

/** Reads the path in a replay token of effect's `Arbitrary`. */
const pathOf = (token: Arbitrary.Replay): Path => {
  const fields: unknown = JSON.parse(token)
  const path: unknown = Array.isArray(fields) ? fields.find(Array.isArray) : undefined
  return Array.isArray(path) ? path.map(Number) : []
}

/** Creates a source from an arbitrary of fast-check. */
const fastCheckSource = <A>(arbitrary: FastCheckArbitrary<A>): Source<A> => {
  const { generate, shrink } = {
    generate: arbitrary.generate.bind(arbitrary) as (random: unknown, bias: number) => FastCheckValue<A>,
    shrink: arbitrary.shrink.bind(arbitrary) as (value: A, context: unknown) => Iterable<FastCheckValue<A>>
  }
  const childrenOf = ({ context, value }: FastCheckValue<A>) => shrink(value, context)
  const find = (seed: number, path: Path): FastCheckValue<A> | undefined => {
    let node: FastCheckValue<A> | undefined = generate(FastCheckRandom.make(`inputs ${seed}`), 2 + (seed % 3))
    for (const index of path) {
      let at = 0
      let child: FastCheckValue<A> | undefined
      for (const one of childrenOf(node)) {
        child = one
        if (at++ === index) break
      }
      if (child === undefined || at !== index + 1) return undefined
      node = child
    }
    return node
  }
  return {
    at: (seed, path) => Effect.sync(() => find(seed, path)?.value),
    shrink: Effect.fnUntraced(function* (seed, path, fails) {
      let node = find(seed, path)
      let best = path
      let tried = 0
      for (let isSmaller = true; isSmaller && node !== undefined; ) {
        isSmaller = false
        let index = 0
        for (const child of childrenOf(node)) {
          if (tried++ >= maxShrinks) return best
          if (yield* fails(child.value)) {
            node = child
            best = [...best, index]
            isSmaller = true
            break
          }
          index++
        }
      }
      return best
    })
  }
}

/** Creates a source of inputs. */
export const make = <A>(inputs: Inputs<A>): Source<A> =>
  Arbitrary.isArbitrary(inputs) ? effectSource(inputs as Arbitrary.Arbitrary<A>) : fastCheckSource(inputs)

/** Tests if a value is an arbitrary of effect or of fast-check. */
export const isInputs = (value: unknown): boolean =>
  Arbitrary.isArbitrary(value) ||
  (typeof value === "object" && value !== null && ["generate", "shrink"].every((key) => isFunctionOf(value, key)))

const isFunctionOf = (value: object, key: string) => typeof Reflect.get(value, key) === "function"

/** Maximum length of an input as JSON in a command line. */
const maxJsonChars = 4_000

/** Returns compact JSON if it decodes to the same value. */
const jsonOf = (value: unknown): string | undefined => {
  try {
    const json = JSON.stringify(value)
    return CanonicalText.of(JSON.parse(json)) === CanonicalText.of(value) ? json : undefined
  } catch {
    return undefined
  }
}

/** Formats an input as compact JSON where that decodes to the same input; otherwise as its path: `~0.3`. */
export const format = <A>({ path, value }: Input<A>): string => {
  const json = jsonOf(value)
  if (path === undefined) return json ?? JSON.stringify(value) ?? "null"
  return json === undefined || json.length > maxJsonChars ? `~${path.join(".")}` : json
}

/** Formats an input for readers: as compact JSON where possible. */
export const describe = ({ value }: Input<unknown>): string => jsonOf(value) ?? CanonicalText.of(value)

/** An input from the command line: a value, or a position. */
export type Given = { readonly _tag: "Value"; readonly value: unknown } | { readonly _tag: "Path"; readonly path: Path }

/** Parses an input that `format` has formatted; returns undefined for another text. */
export const parse = (text: string): Given | undefined => {
  const path = /^~((?:\d+(?:\.\d+)*)?)$/.exec(text.trim())
  if (path !== null) return { _tag: "Path", path: path[1] === "" ? [] : path[1]!.split(".").map(Number) }
  try {
    return { _tag: "Value", value: JSON.parse(text) }
  } catch {
    return undefined
  }
}
