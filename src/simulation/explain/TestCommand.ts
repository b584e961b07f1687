/** Command that repeats the running test or program, found without a dependency on a test runner. */

/** State of vitest's `expect`, which every runner of it keeps on the global object. */
interface ExpectState {
  readonly testPath?: string | undefined
  readonly currentTestName?: string | undefined
}

/** Properties of the running program that are read; a browser has none. */
interface Program {
  readonly argv?: ReadonlyArray<string>
  readonly execArgv?: ReadonlyArray<string>
  readonly cwd?: () => string
}

const expectKey = Symbol.for("expect-global")

const expectState = (): ExpectState | undefined => {
  try {
    const { [expectKey]: expect } = globalThis as { readonly [expectKey]?: { readonly getState?: () => ExpectState } }
    const state = expect?.getState?.()
    // Outside of a test the state exists, and its properties throw.
    return state && { testPath: state.testPath, currentTestName: state.currentTestName }
  } catch {
    return undefined
  }
}

/** Quotes a word for a POSIX shell; words without special characters stay as they are. */
export const quote = (word: string): string =>
  /^[A-Za-z0-9_@%+=:,./-]+$/.test(word) ? word : `'${word.replaceAll("'", "'\\''")}'`

const escapePattern = (text: string) => text.replaceAll(/[\\^$.*+?()[\]{}|]/g, "\\$&")

const relativeTo = (folder: string, path: string) =>
  path.startsWith(`${folder}/`) ? path.slice(folder.length + 1) : path

/** Returns the command; undefined where neither a test nor a program is known. */
export const find = (): string | undefined => {
  const program = Reflect.get(globalThis, "process") as Program | undefined
  const folder = program?.cwd?.() ?? ""
  const { currentTestName, testPath } = expectState() ?? {}
  if (testPath !== undefined) {
    const name =
      currentTestName === undefined || currentTestName === "" ? [] : ["-t", quote(escapePattern(currentTestName))]
    return ["npx vitest run", quote(relativeTo(folder, testPath)), ...name].join(" ")
  }
  const [, script, ...words] = program?.argv ?? []
  if (script === undefined) return undefined
  return ["node", ...(program?.execArgv ?? []), relativeTo(folder, script), ...words].map(quote).join(" ")
}
