/** Time under a test's control. */
export * from './virtual-clock.ts';
