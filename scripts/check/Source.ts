/** A file as the rules read it: its text, and the same text without comments and without the contents of strings. */
import * as Lexer from "./Lexer.ts"

/** An import or re-export: its specifier, clause and line. */
export interface Import {
  readonly line: number
  readonly specifier: string
  /** The text between `import` or `export` and `from`; empty for `import "x"` and `import("x")`. */
  readonly clause: string
}

/** A file of the repository. All forms of its text have the same length, so an index is the same place in each. */
export interface Source {
  /** From the root of the repository, with `/`. */
  readonly path: string
  readonly text: string
  /** Comments blanked. */
  readonly bare: string
  /** Comments and the insides of strings, templates and regular expressions blanked. */
  readonly code: string
  readonly imports: ReadonlyArray<Import>
}

/** The files of a repository, by path. */
export type Tree = ReadonlyMap<string, Source>

/** Returns the line of an index, from 1. */
export const lineOf = (text: string, index: number): number => text.slice(0, index).split("\n").length

const importsOf = ({ bare, code }: Pick<Source, "bare" | "code">): ReadonlyArray<Import> =>
  [...bare.matchAll(/(?<!\.)\b(from|import)\b\s*\(?\s*(["'])([^"'\n]*)\2/g)]
    .filter(({ 1: keyword = "", index }) => code.startsWith(keyword, index))
    .map(({ 1: keyword, 3: specifier = "", index }) => ({
      line: lineOf(bare, index),
      specifier,
      clause: keyword === "from" ? (/\b(?:import|export)\b([^;"']*)$/.exec(bare.slice(0, index))?.[1] ?? "").trim() : ""
    }))

/** Tests if a file is a program: TypeScript, or TypeScript with JSX. */
export const isTypeScript = (path: string): boolean => /\.tsx?$/.test(path)

/** Parses a file. Only TypeScript has code and imports. */
export const make = (path: string, text: string): Source => {
  if (!isTypeScript(path)) return { path, text, bare: "", code: "", imports: [] }
  const stripped = Lexer.strip(text, path.endsWith(".tsx"))
  return { path, text, ...stripped, imports: importsOf(stripped) }
}

/** Builds a repository from texts by path. */
export const tree = (files: Readonly<Record<string, string>>): Tree =>
  new Map(Object.entries(files).map(([path, text]) => [path, make(path, text)]))
