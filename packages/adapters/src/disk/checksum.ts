import { type Checksum, crc32c as portable } from '@millrace/core/log';

async function loadNative(): Promise<Checksum | undefined> {
  try {
    const { crc32c } = await import('@node-rs/crc32');
    return (bytes) => crc32c(bytes);
  } catch {
    // No binary for this platform: the portable one gives the same values at about a fifth of the speed.
    return undefined;
  }
}

/**
 * CRC-32C by the processor's own instruction where a native build exists, in plain JavaScript where none
 * does.
 */
export const checksum: Checksum = (await loadNative()) ?? portable;
