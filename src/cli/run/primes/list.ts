/** The program of `primes list`. Memory holds one chunk of the kernel at a time. */
import * as Effect from "effect/Effect"
import * as Stdio from "effect/Stdio"
import * as Stream from "effect/Stream"
import * as Kernels from "../../../primes/Kernels.ts"
import { formatLines } from "./decimalLines.ts"
import * as pool from "./pool.ts"

interface Input {
  readonly range: string
  readonly kernel: Kernels.Name | undefined
}

export const list = Effect.fnUntraced(function* (input: Input) {
  const { from, to } = yield* pool.parse(input.range)
  const stdio = yield* Stdio.Stdio
  for (const chunk of Kernels.kernels[input.kernel ?? Kernels.fastest].primes(from, to)) {
    yield* Stream.run(Stream.succeed(formatLines(chunk)), stdio.stdout())
    // Writing to a file never waits: without a yield, Ctrl-C would not be handled.
    yield* Effect.yieldNow
  }
})
