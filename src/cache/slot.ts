/** Redis Cluster specification, "Key distribution model": CRC16/XMODEM of the hash tag, modulo 16384. */
export const SLOTS = 16_384;

const CRC_TABLE = Uint16Array.from({ length: 256 }, (_, byte) => {
  let crc = byte << 8;
  for (let bit = 0; bit < 8; bit++) crc = crc & 0x8000 ? (crc << 1) ^ 0x1021 : crc << 1;
  return crc;
});

/** The slot, 0 to 16383, that a key belongs to in Redis Cluster. */
export function slotOf(key: string): number {
  let crc = 0;
  for (const byte of Buffer.from(hashTagOf(key))) {
    // Never undefined: the index is masked to the table's 256 entries.
    crc = ((crc << 8) ^ CRC_TABLE[((crc >> 8) ^ byte) & 0xff]!) & 0xffff;
  }
  return crc % SLOTS;
}

/** The text between the first "{" and the next "}", if it is not empty; otherwise the whole key. */
function hashTagOf(key: string): string {
  const open = key.indexOf("{");
  if (open === -1) return key;
  const close = key.indexOf("}", open + 1);
  return close > open + 1 ? key.slice(open + 1, close) : key;
}
