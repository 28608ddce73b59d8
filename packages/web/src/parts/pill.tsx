import type { ReactNode } from 'react';

export type Tone = 'good' | 'warn' | 'bad' | 'quiet' | 'accent';

/** A state in one word, with a dot of its colour. */
export function Pill({ tone, children }: { readonly tone: Tone; readonly children: ReactNode }) {
  return (
    <span className={`pill tone-${tone}`}>
      <span className="dot" aria-hidden="true" />
      {children}
    </span>
  );
}
