/** Arbitrary settings of the laboratory, for properties. */
import * as Arbitrary from "effect/Arbitrary"
import * as Schema from "effect/Schema"
import * as Settings from "../../../src/web/lab/Settings.ts"

const between = (minimum: number, maximum: number) =>
  Arbitrary.schema(Schema.Int.check(Schema.isBetween({ minimum, maximum })))

const percent = Arbitrary.map(between(0, 1_000), (tenths) => tenths / 10)

const choicesOf = (protocol: Settings.Protocol): Arbitrary.Arbitrary<Settings.Settings["choices"]> =>
  Arbitrary.all(
    Object.fromEntries(
      Settings.choicesOf(protocol).map(({ name, values }) => [
        name,
        Arbitrary.schema(Schema.Literals(values.map(({ value }) => value)))
      ])
    )
  )

/** Valid settings of a protocol. */
export const of = (protocol: Settings.Protocol): Arbitrary.Arbitrary<Settings.Settings> =>
  Arbitrary.all({
    protocol: Arbitrary.Constant(protocol),
    seed: between(1, 2 ** 31 - 1),
    lossPercent: percent,
    duplicatePercent: percent,
    reorderPercent: percent,
    delayMillis: between(0, 2_000),
    choices: choicesOf(protocol)
  })

/** Valid settings of any protocol. */
export const any: Arbitrary.Arbitrary<Settings.Settings> = Arbitrary.flatMap(
  Arbitrary.schema(Schema.Literals(Settings.protocols)),
  of
)
