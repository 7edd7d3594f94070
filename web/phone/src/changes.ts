import { useEffect, useState } from 'preact/hooks';

/** Something that changes, and says so; whoever shows it draws it anew. */
export class Changing {
  readonly #watchers = new Set<() => void>();
  #told = false;
  #changes = 0;

  /** How often it has changed. */
  get changes(): number {
    return this.#changes;
  }

  /** Calls `watcher` after every change, until the returned function is called. */
  watch(watcher: () => void): () => void {
    this.#watchers.add(watcher);
    return () => {
      this.#watchers.delete(watcher);
    };
  }

  /** Says that something has changed; several changes at once are told once. */
  changed(): void {
    this.#changes += 1;
    if (this.#told) return;
    this.#told = true;
    queueMicrotask(() => {
      this.#told = false;
      for (const watcher of [...this.#watchers]) watcher();
    });
  }
}

/** Draws a component anew whenever `what` changes. */
export function useChanges(what: Changing): void {
  const [, redraw] = useState(what.changes);
  useEffect(() => {
    // It may have changed between the drawing and this.
    redraw(what.changes);
    return what.watch(() => redraw(what.changes));
  }, [what]);
}
