/** `primes list`: no more of them in memory than the kernel finds at a time. */
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
    // Where nothing is waited for, as when writing to a file, Ctrl-C would not be heard.
    yield* Effect.yieldNow
  }
})
