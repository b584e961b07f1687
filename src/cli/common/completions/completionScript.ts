/** Scripts that complete commands in a shell. */
import * as CliOutput from "effect/cli/CliOutput"
import * as Command from "effect/cli/Command"
import * as Completions from "effect/cli/Completions"
import type * as HelpDoc from "effect/cli/HelpDoc"
import * as Effect from "effect/Effect"
import * as bash from "./bash.ts"
import * as CompletionTable from "./CompletionTable.ts"
import * as fish from "./fish.ts"
import * as zsh from "./zsh.ts"

/** Returns the help of a command as a value: it is presented to this function. */
const helpOf = Effect.fnUntraced(function* (command: Command.Command.Any, path: ReadonlyArray<string>) {
  let doc: HelpDoc.HelpDoc | undefined
  const presenter: CliOutput.Presenter = {
    present: (event) =>
      Effect.sync(() => {
        if (event._tag === "Help") doc = event.helpDoc
      })
  }
  yield* Command.runWith(command as Command.Command<string, unknown>, { version: "" })([...path, "--help"]).pipe(
    Effect.ignore,
    Effect.provideService(CliOutput.Presenter, presenter)
  )
  return doc === undefined ? yield* Effect.die(`no help of ${path.join(" ")}`) : doc
})

/** Returns the entries of a command and of its subcommands. */
const entriesOf = (
  command: Command.Command.Any,
  path: ReadonlyArray<string> = []
): Effect.Effect<ReadonlyArray<CompletionTable.CommandEntry>, never, Command.Environment> =>
  Effect.gen(function* () {
    const entry = CompletionTable.fromHelp(yield* helpOf(command, path), path)
    const below = yield* Effect.forEach(entry.subcommands, ({ name }) => entriesOf(command, [...path, name]))
    return [entry, ...below.flat()]
  })

const scripts = { bash: bash.script, zsh: zsh.script, fish: fish.script }

/** Returns the script for a shell. That for PowerShell is the one of effect. */
export const make = (command: Command.Command.Any, shell: Completions.Shell) =>
  shell === "powershell"
    ? Effect.sync(() => Completions.generate(command.name, shell, Completions.fromCommand(command)))
    : Effect.map(entriesOf(command), (entries) => scripts[shell](command.name, entries))
