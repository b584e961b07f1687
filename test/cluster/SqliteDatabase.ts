/** A database of a test in memory, which counts its statements. */
import { DatabaseSync, type SQLInputValue } from "node:sqlite"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Reactivity from "effect/reactivity/Reactivity"
import * as Stream from "effect/Stream"
import * as SqlClient from "effect/sql/SqlClient"
import type * as SqlConnection from "effect/sql/SqlConnection"
import * as SqlError from "effect/sql/SqlError"
import * as Statement from "effect/sql/Statement"

/** Makes a client of an empty database. `statements` has the first word of each statement that it runs. */
export const make = (statements: Array<string> = []): Layer.Layer<SqlClient.SqlClient> => {
  const open = Effect.acquireRelease(
    Effect.sync(() => new DatabaseSync(":memory:")),
    (database) => Effect.sync(() => database.close())
  )
  const client = Effect.gen(function* () {
    const database = yield* open
    const all = (text: string, values: ReadonlyArray<unknown>) =>
      Effect.try({
        try: () => {
          statements.push(text.trim().split(/\s/)[0]!)
          return database.prepare(text).all(...(values as ReadonlyArray<SQLInputValue>))
        },
        catch: (cause) => new SqlError.SqlError({ reason: SqlError.classifySqliteError(cause, { operation: text }) })
      })
    const values = (text: string, parameters: ReadonlyArray<unknown>) =>
      Effect.map(all(text, parameters), (rows) => rows.map((row) => Object.values(row)))
    const connection: SqlConnection.Connection = {
      ...{ execute: all, executeRaw: all, executeUnprepared: all },
      ...{ executeValues: values, executeValuesUnprepared: values },
      executeStream: (text, parameters) => Stream.fromIterableEffect(all(text, parameters))
    }
    return yield* SqlClient.make({
      ...{ acquirer: Effect.succeed(connection), compiler: Statement.makeCompilerSqlite() },
      ...{ driver: "node:sqlite", spanAttributes: [] }
    })
  })
  return Layer.effect(SqlClient.SqlClient, client).pipe(Layer.provide(Reactivity.layer))
}
