/** Views that are loaded when they are opened. */
import type { ComponentType } from "preact"
import { useEffect, useState } from "preact/hooks"
import * as Browser from "../Browser.ts"

/** Time after which a view that is still loading says so, in milliseconds. */
const silentMillis = 300

type Loaded<Props> = { readonly view: ComponentType<Props> } | "loading" | "slow" | "failed"

/** Shows a view that another chunk of the page has. */
export const Lazy = <Props extends object>(all: {
  readonly load: () => Promise<ComponentType<Props>>
  readonly props: Props
}) => {
  const [loaded, setLoaded] = useState<Loaded<Props>>("loading")
  useEffect(() => {
    let isShown = true
    const set = (next: Loaded<Props>) => {
      if (isShown) setLoaded(next)
    }
    const cancel = Browser.after(silentMillis, () => set("slow"))
    all.load().then(
      (view) => {
        cancel()
        set({ view })
      },
      () => {
        cancel()
        set("failed")
      }
    )
    return () => {
      isShown = false
      cancel()
    }
  }, [all.load])
  if (typeof loaded === "object") {
    const { view: View } = loaded
    return <View {...all.props} />
  }
  if (loaded === "loading") return null
  if (loaded === "slow") return <p class="waiting muted">Loading this view.</p>
  return (
    <section class="stack">
      <h1>This view could not be loaded</h1>
      <p>The process that served this page has ended, or has been replaced by another version.</p>
      <p>
        <button type="button" class="button" onClick={() => location.reload()}>
          Reload the page
        </button>
      </p>
    </section>
  )
}
