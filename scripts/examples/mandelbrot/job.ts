/** A job that draws the rows of a Mandelbrot set: the module that threads import. */
import * as Schema from "effect/Schema"
import { Job } from "effect-inet/farm"

const shades = " .:-=+*#%@"

const shade = (x: number, y: number) => {
  let [re, im, steps] = [0, 0, 0]
  for (; re * re + im * im < 4 && steps < 50_000; steps++) [re, im] = [re * re - im * im + x, 2 * re * im + y]
  return shades[Math.min(shades.length - 1, Math.floor(Math.log2(steps)))]
}

export const job = Job.make({
  ...{ name: "mandelbrot", version: 1, packet: Schema.Struct({ from: Schema.Int, to: Schema.Int }) },
  result: Schema.Array(Schema.String),
  split: (rows: number) => Job.range(0, rows),
  work: ({ from, to }) =>
    Array.from({ length: to - from }, (_, row) =>
      Array.from({ length: 78 }, (_, column) => shade(column / 26 - 2.2, (from + row) / 12 - 1.25)).join("")
    ),
  empty: [] as ReadonlyArray<string>,
  merge: (lines, more) => [...lines, ...more]
})
