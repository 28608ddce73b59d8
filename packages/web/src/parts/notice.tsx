import type { ReactNode } from 'react';

interface NoticeProps {
  readonly tone?: 'quiet' | 'warn' | 'bad';
  readonly title: ReactNode;
  readonly children?: ReactNode;
}

/** What stands where data would: nothing there yet, still starting, or what went wrong and what to do. */
export function Notice({ tone = 'quiet', title, children }: NoticeProps) {
  return (
    <div className={`notice notice-${tone}`}>
      <p className="notice-title">{title}</p>
      {children !== undefined && <div className="notice-text">{children}</div>}
    </div>
  );
}
