/** The global flag `--completions`, which prints a script for a shell. */
import * as Console from "effect/Console"
import type * as Context from "effect/Context"
import type * as Command from "effect/cli/Command"
import type * as Completions from "effect/cli/Completions"
import * as Flag from "effect/cli/Flag"
import * as GlobalFlag from "effect/cli/GlobalFlag"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"

/** Creates the flag. `services` are those that command lines run with. */
const make = (services: Context.Context<Command.Environment>): GlobalFlag.Action<Option.Option<Completions.Shell>> =>
  GlobalFlag.Action({
    flag: Flag.Literals("completions", ["bash", "zsh", "fish", "powershell"]).pipe(
      Flag.withDescription("Print a script that completes commands in this shell"),
      Flag.optional
    ),
    run: Effect.fnUntraced(function* (shell, { command }) {
      if (Option.isNone(shell)) return
      const script = yield* Effect.promise(() => import("./completionScript.ts"))
      yield* Console.log(yield* Effect.provideContext(script.make(command, shell.value), services))
    })
  })

/** Returns the global flags of effect, with this one in the place of its own. */
export const builtIns = (services: Context.Context<Command.Environment>): ReadonlyArray<GlobalFlag.BuiltIn> =>
  GlobalFlag.BuiltIns.map((flag) => (flag === GlobalFlag.Completions ? make(services) : flag))
