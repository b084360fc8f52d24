"""The classes of documents 000, 003 and 004 by their names: `from realtime import X` becomes `from fovea.realtime import X`."""
from .edge import EdgeComputingManager, EdgeModel
from .football import FootballTracker
from .hazard import (AdaptiveQualityController, FrameProcessingProfiler, ImageBufferPool, OptimizedFrameProcessor,
                     PerformanceMetrics, PerformanceProfiler, StreamingPipeline, optimize_image_for_streaming)
from .pipeline import OptimizedPipeline, PipelineFactory, PipelineMetrics
from .processor import FrameResult, VideoFrameProcessor, VideoStreamProcessor
from .reader import AsyncVideoReader, BatchFrameReader, FrameData
from .result import Ball, PipelineResult, Side, Teams, Track
from .stream_processor import AdaptiveStreamProcessor, Change, StreamProcessor, benchmark_stream_processor
from .tensorrt import TensorRTModel, export_onnx

__all__ = [
    "AdaptiveQualityController", "FrameProcessingProfiler", "ImageBufferPool", "OptimizedFrameProcessor", "PerformanceMetrics",
    "PerformanceProfiler", "StreamingPipeline", "optimize_image_for_streaming",
    "AdaptiveStreamProcessor", "AsyncVideoReader", "Ball", "BatchFrameReader", "Change", "EdgeComputingManager", "EdgeModel",
    "FootballTracker", "FrameData", "FrameResult", "OptimizedPipeline", "PipelineFactory", "PipelineMetrics", "PipelineResult",
    "Side", "StreamProcessor", "Teams", "TensorRTModel", "Track", "VideoFrameProcessor", "VideoStreamProcessor",
    "benchmark_stream_processor", "export_onnx",
]
