/**
 * The rules of this project, as a table. Each has a name, a sentence, the files it holds for, and a pure function that
 * finds offences.
 */
import * as Path from "node:path/posix"
import * as Functions from "./Functions.ts"
import * as Imports from "./Imports.ts"
import * as Prose from "./Prose.ts"
import { type Import, isTypeScript, lineOf, type Source, type Tree } from "./Source.ts"

/** An offence: a line that breaks a rule. */
interface Offence {
  readonly line: number
  readonly message: string
}

/** A rule of the project. */
export interface Rule {
  readonly name: string
  /** The rule in one sentence. */
  readonly says: string
  readonly holds: (path: string) => boolean
  readonly find: (source: Source, tree: Tree) => Iterable<Offence>
}

/** The folders that a service may import. Services do not import each other. */
const below = ["network", "process", "terminal", "farm", "session"]

const services = ["board", "guess", "hangman", "inspect", "primes", "rot13", "status", "tftp"]

/** The folders that each folder of src/ may import besides itself. A new folder is added here first. */
const arrows: Readonly<Record<string, ReadonlyArray<string>>> = {
  network: [],
  process: [],
  admin: ["network", "process"],
  terminal: ["network", "process"],
  farm: ["network", "process"],
  session: ["network", "process"],
  cluster: ["network", "farm"],
  simulation: ["network", "capture"],
  capture: ["network"],
  ...Object.fromEntries(services.map((name) => [name, below])),
  web: [...below, ...services, "admin", "simulation", "capture"],
  cli: [...below, ...services, "admin", "simulation", "capture", "cluster", "web"]
}

/** Files that may use the platform without `Node` in their name, each with its reason. */
const platformFiles: Readonly<Record<string, string>> = {
  "src/cli/bin.ts": "the process itself: compile cache, runMain"
}

const within =
  (...folders: ReadonlyArray<string>) =>
  (path: string) =>
    folders.some((folder) => path.startsWith(`${folder}/`))
const isNodeFile = (path: string) => /\/Node[A-Z]\w*\.ts$/.test(path)
/** Code that runs in a browser. */
const isBrowserFile = within("src/web/client", "src/web/lab")
const isIndex = (path: string) => path.endsWith("/index.ts")
const isModule = (path: string) => within("src")(path) && !within("src/cli")(path) && !isIndex(path)

const folderOf = (path: string) => path.split("/")[1]!
const targetOf = (path: string, specifier: string) => Path.join(Path.dirname(path), specifier)
const isRelative = ({ specifier }: Import) => specifier.startsWith(".")

const imports = (judge: (what: Import, source: Source) => string | undefined): Rule["find"] =>
  function* (source) {
    for (const what of source.imports) {
      const message = judge(what, source)
      if (message !== undefined) yield { line: what.line, message }
    }
  }

const matches = (form: "text" | "code", pattern: RegExp, right: string): Rule["find"] =>
  function* (source) {
    for (const { 0: found, index } of source[form].matchAll(pattern)) {
      yield { line: lineOf(source.text, index), message: `${found.trim()}: ${right}` }
    }
  }

/** Matches global names, alone or after `globalThis.`, but not properties. */
const globals = (...names: ReadonlyArray<string>) =>
  new RegExp(`(?<![.\\w])(?:globalThis\\.)?(?:${names.join("|")})(?!\\w)`, "g")

/** The index of the package, which exports the indexes of its folders. */
const rootIndex = "src/index.ts"

const arrow = imports((what, { path }) => {
  if (!isRelative(what) || path === rootIndex) return undefined
  const from = folderOf(path)
  const target = targetOf(path, what.specifier)
  if (!target.startsWith("src/")) return `src imports nothing outside src, not ${what.specifier}`
  const allowed = arrows[from]
  const to = folderOf(target)
  if (allowed === undefined) return `src/${from} is missing in the table of arrows: add it`
  return to === from || allowed.includes(to) ? undefined : `${from} must not import ${to}`
})

const platform: Rule["find"] = function* (source, tree) {
  if (isNodeFile(source.path) || platformFiles[source.path] !== undefined) return
  const right = "belongs in a file named Node*.ts"
  yield* imports(({ specifier }) =>
    /^(node:|@effect\/platform-node)/.test(specifier) ? `${specifier} ${right}` : undefined
  )(source, tree)
  yield* matches("code", globals("process", "Buffer"), right)(source, tree)
}

/** Files that a module loads by `import()` once it needs the host, each with its reason. None of them is a layer. */
const filesOnDemand: Readonly<Record<string, string>> = {
  "src/simulation/explain/NodeFailureFiles.ts": "files of a failure that the environment asks for"
}

const isOnDemand = (what: Import, path: string) =>
  what.clause === "" && filesOnDemand[targetOf(path, what.specifier)] !== undefined

const hostLayer = imports((what, { path }) =>
  isRelative(what) && isNodeFile(what.specifier) && !isNodeFile(path) && !isIndex(path) && !isOnDemand(what, path)
    ? `${what.specifier} is a layer of the host: use the service, and let the caller choose the layer`
    : undefined
)

const effectImport = imports(({ clause, specifier }) => {
  // An import on demand gives a namespace, and takes no time at the start.
  if (clause === "" || !/^(effect|@effect\/platform-node(-shared)?)(\/|$)/.test(specifier)) return undefined
  const name = Path.basename(specifier)
  if (!/^[A-Z]/.test(name)) return `${specifier} is a barrel: import * as X from "${specifier}/X"`
  return specifier === "effect/Function" || /^(type )?\* as \w+$/.test(clause)
    ? undefined
    : `import * as ${name} from "${specifier}"`
})

const extension = imports((what) =>
  isRelative(what) && !/\.(tsx?|json)$/.test(what.specifier) ? `${what.specifier} must end in .ts` : undefined
)

/** The files of the page that may import effect: its size is most of the page's. */
const hasEffect = (path: string) => !/^src\/web\/client\/(?!lab\/|PageClient\.ts$)/.test(path)

const browser = imports(({ clause, specifier }, { path }) => {
  const isType = /^type\b/.test(clause)
  if (isRelative({ clause, line: 0, specifier }) && isNodeFile(specifier)) return `${specifier} is not for a browser`
  if (specifier.startsWith("effect/") && !isType && !hasEffect(path))
    return `${specifier} belongs in PageClient.ts or in the laboratory`
  return undefined
})

/** Ways to make markup or code of a text. */
const markup =
  /\b(?:dangerouslySetInnerHTML|(?:inner|outer)HTML|insertAdjacentHTML|srcdoc|eval)\b|\bnew Function\b|\bdocument\.write/gi

/** The module of the page that has the clock, the timers and the stores of the browser. */
const browserClock = "src/web/client/Browser.ts"

const time = globals(
  "Date\\.now",
  "new Date\\(\\)",
  "Math\\.random",
  "set(?:Timeout|Interval|Immediate)",
  "queueMicrotask",
  "process\\.(?:hrtime|nextTick|uptime)",
  "performance\\.now",
  "crypto\\.(?:randomUUID|getRandomValues)",
  "AbortSignal\\.timeout"
)

/** The modules a folder's index exports: the public ones. */
const exportedBy = (index: Source | undefined) =>
  new Set((index?.imports ?? []).map(({ specifier }) => targetOf(index!.path, specifier)))

const declaration =
  /^export (?:declare |abstract |async )*(?:const|let|function\*?|class|interface|type|namespace) +(\w+)|^export \{/gm

const documented: Rule["find"] = function* ({ code, path, text }, tree) {
  if (!exportedBy(tree.get(`src/${folderOf(path)}/index.ts`)).has(path)) return
  for (const { 0: found, 1: name, index } of code.matchAll(declaration)) {
    const line = lineOf(text, index)
    if (name === undefined) yield { line, message: `${found}: export a name where it is declared` }
    const before = text.slice(0, index).trimEnd()
    const doc = before.endsWith("*/") ? before.slice(before.lastIndexOf("/**")) : ""
    for (const tag of [/@category +[a-z]/, /@since +\d+\.\d+\.\d+/]) {
      if (name !== undefined && !tag.test(doc))
        yield { line, message: `${name} has no docstring with ${tag.source.split(" ")[0]}` }
    }
  }
}

const indexFile: Rule["find"] = function* ({ bare, path }) {
  const [form, right] =
    path === rootIndex
      ? [/^export \* as (\w+) from "\.\/(\w+)\/index\.ts"$/, 'export * as folder from "./folder/index.ts"']
      : [/^export \* as (\w+) from "\.\/(?:\w+\/)*(\w+)\.ts"$/, 'export * as Module from "./Module.ts"']
  for (const [at, line] of bare.split("\n").entries()) {
    const [, name, file] = form.exec(line.trimEnd()) ?? []
    if (line.trim() !== "" && (name === undefined || name !== file)) {
      yield { line: at + 1, message: `not ${right}: ${line.trim()}` }
    }
  }
}

const length = (most: number): Rule["find"] =>
  function* ({ text }) {
    const lines = text.trimEnd().split("\n").length
    if (lines > most) yield { line: most + 1, message: `${lines} lines: split the file` }
  }

/** Maximum number of lines of a function. */
const maxFunctionLines = 80

const functionLength: Rule["find"] = function* (source) {
  for (const { line, lines, name } of Functions.find(source)) {
    if (lines > maxFunctionLines)
      yield { line: line + maxFunctionLines, message: `${name} has ${lines} lines: at most ${maxFunctionLines}` }
  }
}

/** Finds comments that are too wide: the formatter wraps code only. */
const width = (most: number): Rule["find"] =>
  function* ({ bare, text }) {
    const visible = bare.split("\n")
    for (const [at, line] of text.split("\n").entries()) {
      const isComment = visible[at]!.trimEnd().length < line.trimEnd().length
      if (isComment && line.length > most) yield { line: at + 1, message: `${line.length} columns` }
    }
  }

/** The most files side by side in a folder. */
const maxFolderFiles = 20

const crowded: Rule["find"] = function* ({ path }, tree) {
  const folder = Path.dirname(path)
  const beside = [...tree.keys()].filter((file) => Path.dirname(file) === folder).sort()
  if (beside[0] === path && beside.length > maxFolderFiles) {
    yield { line: 1, message: `${folder} has ${beside.length} files side by side: group them in folders` }
  }
}

/** Gerunds that are the field's own word for a thing. */
const gerunds = ["PacketSizing", "Recording"]

const metaphors =
  /^(?:Node)?(?:Bell|Chair|Crew|Crowd|Desk|Doors?|Ear|Keeper|Ledger|Patience|Picture|Seat|Spool|Talk|Voice)$/

const fileName: Rule["find"] = function* ({ path }) {
  const name = Path.basename(path).replace(/\.tsx?$/, "")
  if (/[a-z]ing$/.test(name) && !gerunds.includes(name)) {
    yield { line: 1, message: `${name}: name the thing that does it, not the action` }
  }
  if (metaphors.test(name)) yield { line: 1, message: `${name}: take the field's word, not a metaphor` }
}

const unfinished = /\b(?:TOD[O]|FIXM[E]|XX[X])\b/g

/** Matches home folders, files beside a checkout and numbers of issues: a reader of the repository cannot open them. */
const elsewhere =
  /(?<![\w.])\/(?:root|home|Users|work)\/\w+|(?:\.\.\/)+shared\b|\bissue #?\d+|\bissues show\b|\bDESIGN[.]md\b/gi

/** Files that documents name: by a link, by a link to the repository on its site, or in code. */
const pointer =
  /\]\((?![a-z]+:|#)([^)#\s]+)|\]\(https:\/\/github\.com\/effect-inet\/effect-inet\/blob\/main\/([^)#\s]+)|`((?:src|test|scripts|docs)\/[\w./-]*\w\.(?:ts|md))`/g

const pointers: Rule["find"] = function* ({ path, text }, tree) {
  const exists = (target: string) => tree.has(target) || [...tree.keys()].some((file) => file.startsWith(`${target}/`))
  for (const { 0: found, 1: link, 2: published, 3: file, index } of text.matchAll(pointer)) {
    const target = link === undefined ? (published ?? file)! : targetOf(path, link)
    if (!exists(target.replace(/\/$/, "")))
      yield { line: lineOf(text, index), message: `${found}: there is no ${target}` }
  }
}

/** Files with words that are data: the words of hangman, the patterns, and the planted offences. */
const wordLists = [
  "src/hangman/WordList.ts",
  "scripts/check/Prose.ts",
  "test/rules.test.ts",
  "test/support/rules/Plants.ts"
]

const code = (path: string): boolean => isTypeScript(path) && within("src", "test", "scripts")(path)
const everywhere = () => true

/** All rules of the project. */
export const rules: ReadonlyArray<Rule> = [
  { name: "arrows", says: "Imports in src point down", holds: within("src"), find: arrow },
  { name: "platform", says: "Only Node*.ts use node: or platform-node", holds: within("src"), find: platform },
  { name: "host layers", says: "Modules do not choose layers of the host", holds: isModule, find: hostLayer },
  { name: "effect", says: "Effect is imported by module, as a namespace", holds: code, find: effectImport },
  { name: "extensions", says: "Relative imports end in .ts", holds: code, find: extension },
  {
    name: "time",
    says: "Time and randomness come from Clock and Random",
    // Components are the shells of the browser's side: its other modules are pure.
    holds: (path) => within("src")(path) && !isNodeFile(path) && !path.endsWith(".tsx") && path !== browserClock,
    find: matches("code", time, "time and randomness come from Clock and Random, or from a file named Node*.ts")
  },
  { name: "browser", says: "What runs in a browser imports nothing of the host", holds: isBrowserFile, find: browser },
  {
    name: "markup",
    says: "The page shows texts as texts",
    holds: isBrowserFile,
    find: matches("code", markup, "texts of the network are neither markup nor code")
  },
  { name: "docstrings", says: "Public exports have @since and @category", holds: isModule, find: documented },
  { name: "index files", says: "An index exports modules, as namespaces", holds: isIndex, find: indexFile },
  { name: "length", says: "A file has at most 400 lines", holds: code, find: length(400) },
  { name: "functions", says: "A function has at most 80 lines", holds: within("src"), find: functionLength },
  { name: "folders", says: "A folder has at most 20 files side by side", holds: code, find: crowded },
  { name: "cycles", says: "No file imports itself through others", holds: code, find: Imports.findCycles },
  { name: "file names", says: "A file is named after a thing", holds: within("src"), find: fileName },
  { name: "units", says: "Numeric constants are named with their unit", holds: code, find: Prose.findUnits },
  {
    name: "first words",
    says: "A docstring begins with a noun or a verb, in a short sentence",
    holds: code,
    find: Prose.findDocstrings
  },
  {
    name: "idioms",
    says: "Sentences use the field's words",
    holds: (path) => (code(path) && !wordLists.includes(path)) || path.endsWith(".md"),
    find: Prose.findIdioms
  },
  { name: "width", says: "A comment ends within 120 columns", holds: code, find: width(120) },
  {
    name: "assertions",
    says: "Tests use assert",
    holds: within("test"),
    find: matches("code", /(?<![.\w])expect\(/g, "tests use assert")
  },
  {
    name: "finished",
    says: "Nothing is left for later",
    holds: everywhere,
    find: matches("text", unfinished, "do it or leave it")
  },
  {
    name: "self-contained",
    says: "Nothing points outside the repository",
    holds: everywhere,
    find: matches("text", elsewhere, "a reader of this repository cannot open it")
  },
  {
    name: "pointers",
    says: "Links and files named in the docs exist",
    holds: (path) => path.endsWith(".md"),
    find: pointers
  }
]

/** Returns the offences against a rule, one line each: `path:line: message`. */
export const offences = (tree: Tree, { find, holds }: Rule): ReadonlyArray<string> =>
  [...tree.values()]
    .filter(({ path }) => holds(path))
    .flatMap((source) => Array.from(find(source, tree), ({ line, message }) => `${source.path}:${line}: ${message}`))
