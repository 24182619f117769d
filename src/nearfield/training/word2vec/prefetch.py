"""Ask the processor for memory before it is needed; Numba has no name for that instruction."""

from typing import Any

from llvmlite import ir
from numba import types
from numba.core import cgutils
from numba.extending import intrinsic

_FOR_WRITING, _KEEP_IN_EVERY_CACHE, _DATA = 1, 3, 1  # arguments of llvm.prefetch


@intrinsic
def prefetch(typing_context: Any, matrix: Any, row: Any, column: Any) -> Any:  # noqa: ANN401  # Numba's own types
    """Have the cache line that holds `matrix[row, column]` fetched; changes nothing, waits for nothing."""

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:  # noqa: ANN401
        kind = signature.args[0]
        array = context.make_array(kind)(context, builder, arguments[0])
        shape, strides = (cgutils.unpack_tuple(builder, part) for part in (array.shape, array.strides))
        address = cgutils.get_item_pointer2(
            context, builder, array.data, shape, strides, kind.layout, [arguments[1], arguments[2]]
        )
        byte_pointer, number = ir.IntType(8).as_pointer(), ir.IntType(32)
        function_type = ir.FunctionType(ir.VoidType(), [byte_pointer, number, number, number])
        function = cgutils.get_or_insert_function(builder.module, function_type, "llvm.prefetch.p0")
        flags = [number(flag) for flag in (_FOR_WRITING, _KEEP_IN_EVERY_CACHE, _DATA)]
        builder.call(function, [builder.bitcast(address, byte_pointer), *flags])
        return context.get_dummy_value()

    return types.void(matrix, row, column), generate
