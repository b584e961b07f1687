/**
 * The examples in docstrings: code under a line `**Example** (Title)`, in a fence of TypeScript. The programs of a
 * guide are in such fences, too.
 */
import * as Path from "node:path/posix"
import { lineOf, type Source } from "./Source.ts"

/** A program in a docstring. */
export interface Example {
  /** The file of the docstring, from the root of the repository. */
  readonly path: string
  readonly line: number
  readonly title: string
  readonly code: string
  /** False for a fence marked `no-run`: such a program is compiled only. */
  readonly runs: boolean
}

const fence =
  /\*\*Example\*\* \(([^)\n]+)\)[^\n]*\n(?:[ \t]*\*[ \t]*\n)*[ \t]*\*[ \t]*```ts( no-run)?\n([\s\S]*?)[ \t]*\*[ \t]*```/g

/** Finds all examples of a file. */
export const find = ({ path, text }: Source): ReadonlyArray<Example> =>
  [...text.matchAll(fence)].map(({ 1: title = "", 2: mark, 3: body = "", index }) => ({
    path,
    line: lineOf(text, index),
    title,
    code: body.replace(/^[ \t]*\* ?/gm, ""),
    runs: mark === undefined
  }))

/** A program of a guide. */
export interface Program extends Example {
  /** The name of its file, if the fence has one, by which other programs import it. */
  readonly name: string | undefined
}

const guideFence = /^```ts(?: (no-run|[\w-]+\.ts))?\n([\s\S]*?)^```$/gm

/** Finds all programs of a guide. Those with a name are imported by others, and do not run by themselves. */
export const inGuide = ({ path, text }: Pick<Source, "path" | "text">): ReadonlyArray<Program> =>
  [...text.matchAll(guideFence)].map(({ 1: mark, 2: code = "", index }) => ({
    path,
    line: lineOf(text, index),
    title:
      text
        .slice(0, index)
        .match(/^#+ (.*)$/gm)
        ?.at(-1)
        ?.replace(/^#+ /, "") ?? "",
    code,
    runs: mark === undefined,
    name: mark === "no-run" ? undefined : mark
  }))

/** `value // => expected` as a comparison. */
const compared = (code: string) =>
  code.replace(
    /^([ \t]*)(?!\/\/)(.+?)[ \t]*\/\/ =>[ \t]*(.+)$/gm,
    (_, indent: string, value: string, expected: string) => `${indent}assert.deepStrictEqual(${value}, ${expected})`
  )

/**
 * The module to compile and run for an example. `effect-inet/x` becomes a path from `folder`, so that Node and the
 * compiler read the sources.
 */
export const moduleOf = ({ code }: Example, folder: string): string => {
  const resolved = compared(code).replace(/(["'])effect-inet\/(\w+)\1/g, (_, quote: string, name: string) => {
    const path = Path.relative(folder, `src/${name}/index.ts`)
    return `${quote}${path.startsWith(".") ? path : `./${path}`}${quote}`
  })
  return `import * as assert from "node:assert/strict"\n${resolved}void assert\nexport {}\n`
}
