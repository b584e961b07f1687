/** A job whose input, packets, results and output have values that JSON does not have. */
import * as Schema from "effect/Schema"
import * as Job from "../../../src/farm/Job.ts"

const Values = Schema.Struct({
  at: Schema.BigInt,
  when: Schema.Date,
  ratio: Schema.Number,
  bytes: Schema.Uint8Array
})

const Input = Schema.Struct({ packets: Schema.BigInt, millis: Schema.Finite })

export type Input = typeof Input.Type

const valuesOf = (at: number) => ({
  at: (1n << 64n) + BigInt(at),
  when: new Date(at * 1_000),
  ratio: Number.NaN,
  bytes: Uint8Array.of(at, 255)
})

const sleep = (millis: number) => Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, millis)

/** Returns the output of a run. */
export const outputOf = (packets: bigint) => Array.from({ length: Number(packets) }, (_, at) => valuesOf(at))

export const job = Job.make({
  name: "types",
  version: 1,
  packet: Schema.Struct({ ...Values.fields, millis: Schema.Finite }),
  result: Values,
  split: ({ millis, packets }: Input) => {
    const values = outputOf(packets).values()
    const next = () => {
      const { value } = values.next()
      return value === undefined ? undefined : { packet: { ...value, millis }, units: 1 }
    }
    return { total: Number(packets), next }
  },
  work: ({ millis, ...values }) => {
    if (millis > 0) sleep(millis)
    return values
  },
  empty: [] as ReadonlyArray<typeof Values.Type>,
  merge: (all, values) => [...all, values],
  checkpoint: { input: Input, output: Schema.Array(Values) }
})
