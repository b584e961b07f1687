/** Parser of fault plans for a real network. */
import * as Result from "effect/Result"
import type { FaultPlan } from "../../../simulation/faults/FaultPlan.ts"
import * as FaultPlanSyntax from "../../../simulation/faults/FaultPlanSyntax.ts"
import * as Impairment from "../../../simulation/impairment/Impairment.ts"

/**
 * Parses a plan and rejects faults that a real network cannot apply; `none` is one without faults, as in `SIM_PLAN`.
 * Fails with the expected value.
 */
export const parseFaultPlan = (text: string): Result.Result<FaultPlan, string> => {
  if (text.trim() === "none") return Result.succeed([])
  return Result.mapError(
    Result.flatMap(
      Result.mapError(FaultPlanSyntax.parse(text), ({ message }) => message),
      (plan) => Result.mapError(Impairment.check(plan), ({ message }) => message)
    ),
    (message) => `a fault plan: ${message}`
  )
}
