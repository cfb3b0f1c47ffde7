export function pack(): string;
export function packedFiles(): readonly string[];
