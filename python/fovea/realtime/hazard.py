"""The classes of document 004 by their names; what of it belongs to a server, `fovea serve` has (docs/python.md)."""
from .buffers import ImageBufferPool, optimize_image_for_streaming
from .hazard_pipeline import OptimizedFrameProcessor, StreamingPipeline
from .profiler import FrameProcessingProfiler, PerformanceMetrics, PerformanceProfiler
from .quality import AdaptiveQualityController

__all__ = ["AdaptiveQualityController", "FrameProcessingProfiler", "ImageBufferPool", "OptimizedFrameProcessor",
           "PerformanceMetrics", "PerformanceProfiler", "StreamingPipeline", "optimize_image_for_streaming"]
