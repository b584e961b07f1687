/** Services of the host that the command line itself needs for prompts and files only, loaded on first use. */
import * as NodePath from "@effect/platform-node/NodePath"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as FileSystem from "effect/FileSystem"
import * as Layer from "effect/Layer"
import * as ChildProcessSpawner from "effect/process/ChildProcessSpawner"
import * as Sink from "effect/Sink"
import * as Stdio from "effect/Stdio"
import * as Stream from "effect/Stream"
import * as Terminal from "effect/Terminal"

/**
 * The services that `effect/cli` needs. Paths are at hand; the others load platform-node when a member is used. Of the
 * file system there are only the members that flags and prompts use: programs of commands have `NodeProgramServices`.
 */
export const layer = Layer.provideMerge(
  Layer.effectContext(
    Effect.gen(function* () {
      const scope = yield* Effect.scope
      const modules = Effect.promise(() => import("./NodeHostServices.ts"))
      const host = yield* Effect.cached(Effect.flatMap(modules, ({ layer }) => Layer.buildWithScope(layer, scope)))
      const spawnerHost = yield* Effect.cached(
        Effect.flatMap(modules, ({ spawner }) => Layer.buildWithScope(spawner, scope))
      )
      const terminal = Effect.map(host, Context.get(Terminal.Terminal))
      const files = Effect.map(host, Context.get(FileSystem.FileSystem))
      const stdio = Effect.map(host, Context.get(Stdio.Stdio))
      const spawner = Effect.map(spawnerHost, Context.get(ChildProcessSpawner.ChildProcessSpawner))
      return Context.mergeAll(
        Context.make(
          Terminal.Terminal,
          Terminal.make({
            columns: Effect.flatMap(terminal, (it) => it.columns),
            rows: Effect.flatMap(terminal, (it) => it.rows),
            size: Effect.flatMap(terminal, (it) => it.size),
            readInput: Effect.flatMap(terminal, (it) => it.readInput),
            readLine: Effect.flatMap(terminal, (it) => it.readLine),
            display: (text) => Effect.flatMap(terminal, (it) => it.display(text))
          })
        ),
        Context.make(
          FileSystem.FileSystem,
          FileSystem.makeNoop({
            exists: (path) => Effect.flatMap(files, (it) => it.exists(path)),
            readDirectory: (path, options) => Effect.flatMap(files, (it) => it.readDirectory(path, options)),
            readFileString: (path, options) => Effect.flatMap(files, (it) => it.readFileString(path, options)),
            stat: (path) => Effect.flatMap(files, (it) => it.stat(path))
          })
        ),
        Context.make(
          Stdio.Stdio,
          Stdio.make({
            args: Effect.flatMap(stdio, (it) => it.args),
            stdinIsTerminal: Effect.flatMap(stdio, (it) => it.stdinIsTerminal),
            stdoutIsTerminal: Effect.flatMap(stdio, (it) => it.stdoutIsTerminal),
            stderrIsTerminal: Effect.flatMap(stdio, (it) => it.stderrIsTerminal),
            stdin: Stream.unwrap(Effect.map(stdio, (it) => it.stdin)),
            stdout: (options) => Sink.unwrap(Effect.map(stdio, (it) => it.stdout(options))),
            stderr: (options) => Sink.unwrap(Effect.map(stdio, (it) => it.stderr(options)))
          })
        ),
        Context.make(
          ChildProcessSpawner.ChildProcessSpawner,
          ChildProcessSpawner.make((command) => Effect.flatMap(spawner, (it) => it.spawn(command)))
        )
      )
    })
  ),
  NodePath.layer
)
