/** A notice above the view, while the page is not what the process is. */
import * as Browser from "../Browser.ts"
import * as Format from "../Format.ts"
import { usePage } from "../hooks.tsx"
import { Mark } from "./Mark.tsx"

const watchOnly = () => {
  Browser.forgetToken()
  location.reload()
}

/** Shows that the connection is lost, that the page is of another version, or that its token is not valid. */
export const Notice = () => {
  const { atMillis, isOutdated, status, tokenProblem, updatedMillis } = usePage()
  if (status === "lost") {
    return (
      <div class="notice notice-bad">
        <Mark tone="bad" />
        <p>
          The connection to the process is lost. The page connects again by itself.{" "}
          {updatedMillis > 0 && <span>What you see is {Format.age(atMillis - updatedMillis)} old.</span>}
        </p>
      </div>
    )
  }
  if (!isOutdated && tokenProblem !== undefined) {
    return (
      <div class="notice notice-warn" role="status">
        <Mark tone="warn" />
        <p>{tokenProblem}</p>
        <button type="button" class="button button-small" onClick={watchOnly}>
          Only watch
        </button>
      </div>
    )
  }
  if (!isOutdated) return null
  return (
    <div class="notice notice-warn">
      <Mark tone="warn" />
      <p>The process has been replaced by another version than this page.</p>
      <button type="button" class="button button-small" onClick={() => location.reload()}>
        Reload the page
      </button>
    </div>
  )
}
